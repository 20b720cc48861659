package dev.anima.cli;

import dev.anima.config.Flags;
import dev.anima.config.LoggingConfig;
import dev.anima.config.Machine;
import dev.anima.config.Ranks;
import dev.anima.engine.Libtorch;
import dev.anima.engine.PeerLost;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import dev.anima.runs.RunFolder;
import dev.anima.train.RunOutcome;
import dev.anima.train.TrainListener;
import dev.anima.train.TrainSetup;
import dev.anima.train.TrainingRun;
import dev.anima.train.WarmModels;
import dev.anima.train.team.Team;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.BooleanSupplier;

/// One process of several that train together: meets the others before anything is read, and tells
/// them why it ends, if it fails.
final class TeamWork {
  /// Flags that may differ between computers.
  private static final Set<String> OF_THE_MACHINE =
      Set.of(
          "device",
          "threads",
          "max_memory",
          "console_log_level",
          "console_log_file",
          "console_log_simple",
          "nproc",
          "nproc_per_node",
          "num_processes");

  private TeamWork() {}

  /// What a process of a team does.
  @FunctionalInterface
  interface Work {
    /// @return the exit code
    int in(Team team);
  }

  /// Which of the processes of a run this is.
  ///
  /// @throws InputException if the launcher and `--nproc` say different things
  static Ranks ranks(Flags flags) {
    Ranks ranks = Ranks.of(System.getenv());
    OptionalInt wanted = Machine.processes(flags);
    if (!ranks.isAlone() && wanted.isPresent() && wanted.getAsInt() != ranks.size()) {
      throw new InputException(
          "--nproc=%d, but a launcher started %d processes (WORLD_SIZE)\n  -> give --nproc only where no other launcher is used"
              .formatted(wanted.getAsInt(), ranks.size()));
    }
    return ranks;
  }

  /// Meets the others and works with them.
  static int run(Ranks ranks, Flags flags, Work work) {
    Libtorch.load();
    shareProcessors(ranks);
    try (Team team = Team.join(ranks, Machine.teamTimeout(flags))) {
      try {
        return work.in(team);
      } catch (PeerLost e) {
        throw new RunFailedException(
            team.loss()
                    .map(loss ->
                        loss.reason().isEmpty()
                            ? "rank %d died".formatted(loss.rank())
                            : "rank %d failed: %s".formatted(loss.rank(), loss.reason()))
                    .orElse("a process of this run does not answer: " + e.getMessage())
                + "; the training had not begun",
            e);
      } catch (RuntimeException | Error e) {
        team.fail(String.valueOf(e.getMessage()));
        throw e;
      }
    }
  }

  /// Processes on one computer would otherwise all use all of it.
  private static void shareProcessors(Ranks ranks) {
    int here = ranks.localSize().orElse(1);
    if (here > 1 && System.getenv("OMP_NUM_THREADS") == null) {
      Libtorch.threads(Math.max(1, Libtorch.threads() / here));
    }
  }

  /// Makes sure that all processes were started alike.
  static void compare(TrainSetup setup, String program) {
    List<String> facts = new ArrayList<>();
    facts.add("the program " + program);
    setup.flags().set().stream()
        .filter(value -> !OF_THE_MACHINE.contains(value.flag().name()))
        .map(value -> value.flag().dashed() + "=" + setup.flags().pythonText(value.flag().name()))
        .forEach(facts::add);
    facts.add(
        "%d batches per epoch of the images with fingerprint %.12s"
            .formatted(setup.recipe().batchesPerEpoch(), setup.recipe().images()));
    facts.add("the seed " + setup.seed());
    facts.add("%s in %s".formatted(setup.device().kind(), setup.dtype()));
    facts.add("step %d to begin with".formatted(setup.firstStep()));
    setup.team().compare(facts);
  }

  /// Where a process says what only rank 0 needs to say.
  static Console console(Team team, Console terminal) {
    return team.isFirst() ? terminal : silent();
  }

  static Console silent() {
    PrintStream nowhere =
        new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
    return Console.of(nowhere, nowhere);
  }

  /// Trains beside rank 0, which writes the files; this process keeps a log of its own.
  static int follow(
      TrainSetup setup, WarmModels models, BooleanSupplier stopRequested, String program) {
    List<TrainListener> listeners = new ArrayList<>();
    RunOutcome outcome = new RunOutcome();
    listeners.add(outcome);
    try (TrainingRun run =
        new TrainingRun(setup, event -> listeners.forEach(l -> l.on(event)), program, models)) {
      if (setup.config().machine().dryRun()) {
        return ExitCode.OK;
      }
      setup.team().meet(); // rank 0 has opened the run's record
      try (PrintStream log = RunFolder.logOf(setup);
          ConsoleListener written =
              new ConsoleListener(Console.of(log, log), LoggingConfig.Level.INFO)) {
        listeners.add(written);
        try {
          run.run(stopRequested);
        } catch (RuntimeException e) {
          log.println("failed: " + e.getMessage());
          throw e;
        }
      }
    }
    return outcome.stopped() ? ExitCode.STOPPED : ExitCode.OK;
  }
}
