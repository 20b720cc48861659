package dev.anima.runs;

import dev.anima.io.AtomicFiles;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import dev.anima.train.TrainEvent;
import dev.anima.train.TrainListener;
import dev.anima.train.TrainSetup;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/// The record of a run beside its files, `<output_name>.run`: what it was told (`run.json`), what
/// it said (`log.txt`, `events.jsonl`), how it ended (`end.json`), and its rolling state.
///
/// While it is open no other run can write under the same name.
public final class RunFolder implements AutoCloseable {
  private static final String END = "end.json";
  private static final JsonMapper MAPPER = JsonMapper.shared();

  private final Path folder;
  private final RunLock lock;
  private final EventLog events;
  private final PrintStream log;
  private final List<String> notes;
  private final RequestFiles requests;
  private int step;
  private String reason = "";

  private RunFolder(
      Path folder, RunLock lock, EventLog events, PrintStream log, List<String> notes) {
    this.folder = folder;
    this.lock = lock;
    this.events = events;
    this.log = log;
    this.notes = List.copyOf(notes);
    this.requests = RequestFiles.in(folder);
  }

  /// Where a run's record is.
  public static Path of(TrainSetup setup) {
    return setup.config().output().dir().resolve(setup.checkpoints().runFolder());
  }

  /// Opens the record of a run that begins or goes on. An older run's record of that name is kept
  /// under another.
  ///
  /// @param workingDir what relative paths of the flags start from
  /// @param program name and version of this program
  /// @param goesOn whether this is the recorded run, taken up again
  /// @throws InputException if another run is writing there
  public static RunFolder begin(TrainSetup setup, Path workingDir, String program, boolean goesOn) {
    Path folder = of(setup);
    RunLock lock =
        RunLock.take(folder.resolveSibling("." + folder.getFileName() + ".lock"), folder);
    try {
      List<String> notes = new ArrayList<>();
      if (!goesOn || !Files.exists(folder.resolve(RunRecord.FILE))) {
        setAside(folder).ifPresent(notes::add);
        Files.createDirectories(folder);
        RunRecord.of(setup, workingDir, program).write(folder);
      }
      Files.deleteIfExists(folder.resolve(END));
      return new RunFolder(
          folder,
          lock,
          EventLog.append(folder.resolve("events.jsonl")),
          log(folder, "log.txt"),
          notes);
    } catch (IOException e) {
      lock.close();
      throw new InputException(
          "--output_dir: %s cannot be written to (%s)".formatted(folder, e.getMessage()), e);
    } catch (RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /// The log of a process of a team other than rank 0, beside that of rank 0.
  ///
  /// @throws InputException if it cannot be written
  public static PrintStream logOf(TrainSetup setup) {
    Path folder = of(setup);
    try {
      Files.createDirectories(folder); // perhaps this computer does not see rank 0's
      return log(folder, "log.rank%d.txt".formatted(setup.team().rank()));
    } catch (IOException e) {
      throw new InputException(
          "--output_dir: %s cannot be written to (%s)".formatted(folder, e.getMessage()), e);
    }
  }

  private static PrintStream log(Path folder, String name) throws IOException {
    return new PrintStream(
        Files.newOutputStream(
            folder.resolve(name), StandardOpenOption.CREATE, StandardOpenOption.APPEND),
        true,
        StandardCharsets.UTF_8);
  }

  /// @return what the user should know of the run that was there
  private static Optional<String> setAside(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return Optional.empty();
    }
    int number = 1;
    while (Files.exists(numbered(folder, number))) {
      number++;
    }
    Path kept = numbered(folder, number);
    boolean unfinished =
        end(folder).map(end -> end.state() != RunEnd.State.FINISHED).orElse(true)
            && !SavedStates.in(folder).isEmpty();
    Files.move(folder, kept);
    return Optional.of(
        unfinished
            ? "an earlier run of this name did not finish; it is kept, and \"anima resume %s\" goes on with it"
                .formatted(kept)
            : "the record of an earlier run of this name is kept in " + kept);
  }

  private static Path numbered(Path folder, int number) {
    return folder.resolveSibling(folder.getFileName() + "." + number);
  }

  /// What the user should know, one sentence each.
  public List<String> notes() {
    return notes;
  }

  /// What is asked of the run through files in its folder.
  public RequestFiles requests() {
    return requests;
  }

  /// Takes down what the run tells.
  public TrainListener events() {
    return event -> {
      if (event instanceof TrainEvent.BatchDone done) {
        step = done.step();
      }
      if (event instanceof TrainEvent.EndedEarly early) {
        reason = early.reason();
      }
      events.on(event);
    };
  }

  /// Where the run's lines go too.
  public PrintStream log() {
    return log;
  }

  /// The run came to its end, or to the stop its user asked for.
  public void ended(boolean stopped) {
    write(new RunEnd(stopped ? RunEnd.State.STOPPED : RunEnd.State.FINISHED, step, reason));
  }

  /// The run broke off. What goes wrong here is told with the run's own problem.
  public void failed(Throwable problem) {
    log.println("failed: " + problem.getMessage());
    try {
      write(new RunEnd(RunEnd.State.FAILED, step, String.valueOf(problem.getMessage())));
    } catch (InputException | RunFailedException e) {
      problem.addSuppressed(e);
    }
  }

  private void write(RunEnd end) {
    AtomicFiles.writeString(
        folder.resolve(END), MAPPER.writeValueAsString(end) + System.lineSeparator());
  }

  /// How the run recorded in `folder` ended; empty if it was killed or still runs.
  static Optional<RunEnd> end(Path folder) {
    Path file = folder.resolve(END);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(MAPPER.readValue(Files.readString(file), RunEnd.class));
    } catch (IOException | JacksonException e) {
      return Optional.empty();
    }
  }

  @Override
  public void close() {
    try (lock) {
      events.close();
      log.close();
    }
  }
}
