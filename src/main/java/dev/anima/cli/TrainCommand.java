package dev.anima.cli;

import dev.anima.cli.check.CheckCommand;
import dev.anima.cli.lint.RunLint;
import dev.anima.config.FlagHelp;
import dev.anima.config.FlagReport;
import dev.anima.config.FlagTable;
import dev.anima.config.FlagsReader;
import dev.anima.config.LoggingConfig;
import dev.anima.config.Machine;
import dev.anima.config.NetworkConfig;
import dev.anima.config.Ranks;
import dev.anima.engine.Libtorch;
import dev.anima.runs.RequestFiles;
import dev.anima.runs.RunFolder;
import dev.anima.train.RunOutcome;
import dev.anima.train.TensorBoardLog;
import dev.anima.train.TrainListener;
import dev.anima.train.TrainSetup;
import dev.anima.train.TrainingRun;
import dev.anima.train.WarmModels;
import dev.anima.train.plan.PlanText;
import dev.anima.train.team.Team;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/// `anima train FLAGS`: the reference's flags, and one run from start to finish.
public final class TrainCommand implements RawCommand {
  /// Carries out a run that was set up.
  @FunctionalInterface
  public interface Work {
    /// @return the exit code
    int train(TrainSetup setup);
  }

  @Override
  public int run(List<String> arguments, Console console) {
    return run(arguments, Path.of("").toAbsolutePath(), console, setup -> train(setup, console));
  }

  /// Reads the flags, tells what there is to know of them, and hands the run to `work`.
  ///
  /// @param workingDir that relative paths are meant from
  public static int run(List<String> arguments, Path workingDir, Console console, Work work) {
    FlagsReader.Command command = FlagsReader.read(arguments, workingDir);
    if (command.flags().helpWanted()) {
      console.print(FlagHelp.text(FlagTable.train(), 80));
      return ExitCode.OK;
    }
    if (startsNoOthers(command)) {
      command.warnings().forEach(warning -> console.report("warning: " + warning));
    }
    if (command.written().isPresent()) {
      console.print("wrote " + command.written().get());
      return ExitCode.OK;
    }
    if (command.flags().isSet("show_timesteps")) {
      TimestepDrawing.show(command.flags(), workingDir, console);
      return ExitCode.OK;
    }
    Ranks ranks = TeamWork.ranks(command.flags());
    int processes = Machine.processes(command.flags()).orElse(1);
    if (!ranks.isAlone()) {
      return TeamWork.run(
          ranks, command.flags(), team -> run(command, arguments, workingDir, team, console, work));
    }
    if (processes > 1 && !command.flags().on("dry_run") && !command.flags().on("debug_dataset")) {
      List<String> words = new ArrayList<>(List.of("train"));
      words.addAll(arguments);
      return LocalTeam.run(processes, words, workingDir, console);
    }
    Libtorch.loadInBackground(); // while flags and pictures are read
    return run(command, arguments, workingDir, Team.planned(processes), console, work);
  }

  private static int run(
      FlagsReader.Command command,
      List<String> arguments,
      Path workingDir,
      Team team,
      Console terminal,
      Work work) {
    Console console = TeamWork.console(team, terminal);
    TrainSetup setup = TrainSetup.of(command.flags(), workingDir, team);
    Libtorch.load();
    TeamWork.compare(setup, program());
    if (setup.config().machine().debugDataset()) {
      console.report("--debug_dataset: what the datasets yield; nothing is trained");
      return new CheckCommand(workingDir).run(arguments, console);
    }
    warnings(setup).forEach(warning -> console.report("warning: " + warning));
    RunLint.errors(setup.datasets(), workingDir)
        .forEach(problem -> console.report("warning: " + problem.message()));
    setup.config().machine().threads().ifPresent(Libtorch::threads);
    return work.train(setup);
  }

  /// Of several processes, rank 0 tells what there is to know.
  private static boolean startsNoOthers(FlagsReader.Command command) {
    Ranks ranks = Ranks.of(System.getenv());
    return ranks.rank() == 0
        && (!ranks.isAlone() || Machine.processes(command.flags()).orElse(1) == 1);
  }

  /// Trains a new run, telling the console and the log files about it; Ctrl-C ends it cleanly.
  public static int train(TrainSetup setup, Console console) {
    return train(setup, Path.of("").toAbsolutePath(), false, console);
  }

  /// As above.
  ///
  /// @param workingDir what relative paths in the flags start from
  /// @param goesOn whether this is a recorded run, taken up again
  static int train(TrainSetup setup, Path workingDir, boolean goesOn, Console console) {
    boolean shown = setup.team().isFirst() && !LocalTeam.startedThis();
    AtomicBoolean told = new AtomicBoolean();
    if (LocalTeam.startedThis()) {
      LocalTeam.listen(() -> told.set(true));
    }
    try (WarmModels models = new WarmModels();
        SignalStop stop = SignalStop.open(shown ? console : TeamWork.silent())) {
      return train(
          setup,
          new Place(workingDir, goesOn),
          console,
          new Shared(models, () -> stop.requested() || told.get(), stop::takePictures));
    }
  }

  /// What the runs of a queue share.
  ///
  /// @param models loaded by one run, used by the next
  /// @param stopRequested asked between steps: save and end
  /// @param picturesRequested asked after every step: whether a signal asked for sample pictures
  ///   since the last time
  public record Shared(
      WarmModels models, BooleanSupplier stopRequested, BooleanSupplier picturesRequested) {}

  /// Where a run stands among others.
  ///
  /// @param workingDir what relative paths in the flags start from
  /// @param goesOn whether this is a recorded run, taken up again
  public record Place(Path workingDir, boolean goesOn) {}

  /// As above, for one run of several.
  public static int train(TrainSetup setup, Place place, Console console, Shared shared) {
    if (!setup.team().isFirst()) {
      return TeamWork.follow(setup, shared.models(), shared.stopRequested(), program());
    }
    List<TrainListener> listeners = new ArrayList<>();
    LoggingConfig logging = setup.config().logging();
    try (LogConsole told = LogConsole.of(logging, console);
        ConsoleListener terminal = new ConsoleListener(told.console(), logging.console())) {
      listeners.add(terminal);
      RunOutcome outcome = new RunOutcome();
      listeners.add(outcome);
      try (TrainingRun run =
          new TrainingRun(
              setup, event -> listeners.forEach(l -> l.on(event)), program(), shared.models())) {
        if (setup.config().machine().dryRun()) {
          run.memory()
              .ifPresent(
                  plan -> PlanText.of(plan).forEach(line -> console.print("memory: " + line)));
          console.print("dry run: everything is in order; nothing was trained");
          return ExitCode.OK;
        }
        try (RunFolder record =
                RunFolder.begin(setup, place.workingDir(), program(), place.goesOn());
            ConsoleListener written = new ConsoleListener(Console.of(record.log(), record.log()));
            Closing log = new Closing(tensorBoard(setup))) {
          setup.team().meet(); // the others may write their logs there
          record.notes().forEach(note -> told.console().report("note: " + note));
          listeners.add(record.events());
          listeners.add(written);
          log.listener().ifPresent(listeners::add);
          log.log().ifPresent(board -> board.flags(setup.flags(), logging.recordFlags()));
          try {
            RequestFiles requests = record.requests();
            run.run(
                () -> shared.stopRequested().getAsBoolean() || requests.stop(),
                requests.or(shared.picturesRequested()));
            record.ended(outcome.stopped());
          } catch (RuntimeException e) {
            record.failed(e);
            throw e;
          }
        }
      }
      return outcome.stopped() ? ExitCode.STOPPED : ExitCode.OK;
    }
  }

  /// Flags that do nothing here, and what a user would not expect of the others.
  private static List<String> warnings(TrainSetup setup) {
    int largestBatch =
        setup.data().training().stream()
            .mapToInt(dataset -> dataset.spec().batchSize())
            .max()
            .orElse(1);
    FlagReport.RunFacts facts =
        new FlagReport.RunFacts(
            setup.plan().totalSteps(),
            setup.plan().epochs(),
            setup.plan().stepsPerEpoch(),
            largestBatch);
    return FlagReport.of(setup.flags(), Optional.of(setup.datasets()), Optional.of(facts))
        .warnings()
        .stream()
        .map(FlagReport.Warning::message)
        .toList();
  }

  private static Optional<TensorBoardLog> tensorBoard(TrainSetup setup) {
    LoggingConfig logging = setup.config().logging();
    boolean wanted =
        logging.dir().isPresent() && !setup.flags().text("log_with", "tensorboard").equals("wandb");
    boolean ditOnly = setup.config().network().trained() == NetworkConfig.Trained.DIT;
    return wanted
        ? Optional.of(
            TensorBoardLog.open(logging, ditOnly, LocalDateTime.now(ZoneId.systemDefault())))
        : Optional.empty();
  }

  /// Name and version for the metadata.
  static String program() {
    return "anima/" + Build.current().version();
  }

  /// An optional log that is closed in any case.
  private record Closing(Optional<TensorBoardLog> log) implements AutoCloseable {
    Optional<TrainListener> listener() {
      return log.map(l -> l);
    }

    @Override
    public void close() {
      log.ifPresent(TensorBoardLog::close);
    }
  }
}
