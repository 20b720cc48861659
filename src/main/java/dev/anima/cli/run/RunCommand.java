package dev.anima.cli.run;

import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.cli.Failures;
import dev.anima.cli.SignalStop;
import dev.anima.cli.TrainCommand;
import dev.anima.cli.check.RunCheck;
import dev.anima.config.Ranks;
import dev.anima.engine.Libtorch;
import dev.anima.io.InputException;
import dev.anima.runs.QueueReader;
import dev.anima.runs.QueuedRun;
import dev.anima.runs.RunQueue;
import dev.anima.runs.RunQueue.End;
import dev.anima.runs.RunQueue.Outcome;
import dev.anima.runs.script.Script;
import dev.anima.runs.script.Surroundings;
import dev.anima.train.WarmModels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `anima run FILE...`: every training command in people's own `.bat`, `.sh` and `.ps1` files, one
/// after another in this process.
@Command(
    name = "run",
    description = "Runs the training commands of .bat, .sh and .ps1 files as a queue.")
public final class RunCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "FILE",
      arity = "1..*",
      description = "scripts that start anima_train_network.py, in the order to run them")
  private List<Path> files = List.of();

  @Option(
      names = "--dry_run",
      description =
          "show the queue with every flag filled in, and what is wrong with it; run nothing")
  private boolean dryRun;

  @Option(
      names = "--stop_on_failure",
      description = "a run that fails ends the queue (otherwise the next one starts)")
  private boolean stopOnFailure;

  @Option(
      names = "--working_dir",
      paramLabel = "DIR",
      description =
          "folder that relative paths are meant from; the scripts' own cd is not followed then"
              + " (default: this folder, or the script's if its files are found there)")
  private @Nullable Path workingDir;

  private final Console console;
  private final Path here;

  public RunCommand(Console console) {
    this(console, Path.of("").toAbsolutePath());
  }

  /// @param here the folder the program was started in
  RunCommand(Console console, Path here) {
    this.console = console;
    this.here = here;
  }

  @Override
  public Integer call() {
    if (!Ranks.of(System.getenv()).isAlone()) {
      throw new InputException(
          "anima run is a queue of one process, but a launcher started several (WORLD_SIZE)\n  -> start anima train with the launcher, or give --nproc in the scripts");
    }
    Path given = workingDir;
    if (given != null && !Files.isDirectory(here.resolve(given))) {
      throw new InputException("--working_dir: there is no folder %s".formatted(given));
    }
    List<Script> scripts = read();
    boolean windows = Surroundings.of(here, false).windows();
    RunQueue queue = QueueReader.read(scripts, new RunCheck(), windows);
    QueueReport report = new QueueReport(console, here);
    scripts.forEach(report::script);
    report.overview(queue);
    if (dryRun) {
      queue.runs().forEach(report::details);
    } else {
      queue.runs().forEach(report::notes);
    }
    boolean sound = queue.runs().stream().allMatch(QueuedRun::isSound);
    if (dryRun) {
      console.report("dry run: nothing was trained");
      return sound ? ExitCode.OK : ExitCode.WRONG_INPUT;
    }
    if (!sound && stopOnFailure) {
      console.report("nothing was started (--stop_on_failure)");
      return ExitCode.WRONG_INPUT;
    }
    return carryOut(queue, report);
  }

  // ---- reading --------------------------------------------------------------------------------

  private List<Script> read() {
    List<Script> scripts = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (Path file : files) {
      try {
        scripts.add(read(file));
      } catch (InputException e) {
        problems.add(e.getMessage());
      }
    }
    if (!problems.isEmpty()) {
      throw new InputException(String.join("\n", problems));
    }
    return scripts;
  }

  /// Reads a script as started here or, if its files are found there, in its own folder: where a
  /// double click would start it.
  private Script read(Path file) {
    Path path = here.resolve(file);
    Path given = workingDir;
    if (given != null) {
      return Script.read(path, Surroundings.of(here.resolve(given), true));
    }
    Script started = Script.read(path, Surroundings.of(here, false));
    Path own = path.toAbsolutePath().normalize().getParent();
    if (own == null || own.equals(here.normalize())) {
      return started;
    }
    Optional<Script> beside = inOwnFolder(path, own);
    boolean windows = Surroundings.of(here, false).windows();
    if (beside.isEmpty()
        || QueueReader.filesFound(beside.get(), windows)
            <= QueueReader.filesFound(started, windows)) {
      return started;
    }
    console.report("%s: relative paths are meant from its own folder".formatted(file));
    return beside.get();
  }

  private static Optional<Script> inOwnFolder(Path path, Path own) {
    try {
      return Optional.of(Script.read(path, Surroundings.of(own, false)));
    } catch (InputException _) {
      return Optional.empty(); // a condition on files may come out otherwise there
    }
  }

  // ---- running --------------------------------------------------------------------------------

  private int carryOut(RunQueue queue, QueueReport report) {
    List<Outcome> outcomes;
    try (WarmModels models = new WarmModels();
        SignalStop stop = SignalStop.open(console)) {
      Libtorch.load();
      int threads = Libtorch.threads();
      outcomes =
          queue.carryOut(
              run -> {
                report.begin(run, queue);
                Libtorch.threads(threads); // an earlier run may have had --threads
                End end =
                    train(
                        run, new TrainCommand.Shared(models, stop::requested, stop::takePictures));
                if (end != End.DONE) {
                  models.release(); // whatever went wrong, the next run begins afresh
                }
                return end;
              },
              stopOnFailure,
              stop::requested);
    }
    report.end(outcomes);
    return exitCode(outcomes);
  }

  private End train(QueuedRun run, TrainCommand.Shared shared) {
    int exitCode;
    try {
      exitCode =
          TrainCommand.run(
              run.words(),
              run.folder(),
              console,
              setup ->
                  TrainCommand.train(
                      setup, new TrainCommand.Place(run.folder(), false), console, shared));
    } catch (Exception | OutOfMemoryError | LinkageError e) {
      exitCode = Failures.report(e, console);
      return exitCode == ExitCode.WRONG_INPUT ? End.WRONG_INPUT : End.FAILED;
    }
    return switch (exitCode) {
      case ExitCode.OK -> End.DONE;
      case ExitCode.STOPPED -> End.STOPPED;
      case ExitCode.WRONG_INPUT -> End.WRONG_INPUT;
      default -> End.FAILED;
    };
  }

  /// That of the worst run; a queue the user stopped was stopped, whatever else.
  private static int exitCode(List<Outcome> outcomes) {
    int worst = ExitCode.OK;
    for (Outcome outcome : outcomes) {
      int code =
          switch (outcome.end()) {
            case DONE -> ExitCode.OK;
            case FAILED -> ExitCode.FAILED;
            case WRONG_INPUT -> ExitCode.WRONG_INPUT;
            case STOPPED -> ExitCode.STOPPED;
            // Its cause has a code of its own, but for a stop between two runs.
            case NOT_STARTED ->
                outcome.reason().equals(RunQueue.STOPPED_BY_USER) ? ExitCode.STOPPED : ExitCode.OK;
          };
      worst = Math.max(worst, code);
    }
    return worst;
  }
}
