package dev.anima.runs;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;

/// Trainings one after another.
public record RunQueue(List<QueuedRun> runs) {
  /// Why the runs behind a stop are not started.
  public static final String STOPPED_BY_USER = "the queue was stopped";

  public RunQueue {
    runs = List.copyOf(runs);
  }

  /// How a run ended.
  public enum End {
    DONE,
    /// The run failed; a message was told.
    FAILED,
    /// Its input is wrong; a message was told.
    WRONG_INPUT,
    /// The user stopped it, and with it the queue.
    STOPPED,
    /// It was not begun.
    NOT_STARTED
  }

  /// What became of a run.
  ///
  /// @param reason why it was not started; empty otherwise
  public record Outcome(QueuedRun run, End end, String reason) {}

  /// Carries out one run and tells how it ended; throws nothing.
  @FunctionalInterface
  public interface Worker {
    End train(QueuedRun run);
  }

  /// Carries out the queue. A run that does not succeed stops only those that need it, unless
  /// `stopOnFailure`.
  ///
  /// @param stopRequested asked between runs
  /// @return one outcome for each run, in order
  public List<Outcome> carryOut(
      Worker worker, boolean stopOnFailure, BooleanSupplier stopRequested) {
    List<Outcome> outcomes = new ArrayList<>();
    Set<Integer> unsuccessful = new HashSet<>();
    String ended = "";
    for (QueuedRun run : runs) {
      if (ended.isEmpty() && stopRequested.getAsBoolean()) {
        ended = STOPPED_BY_USER;
      }
      String obstacle = ended.isEmpty() ? obstacle(run, unsuccessful) : ended;
      End end = !obstacle.isEmpty() ? End.NOT_STARTED : begin(run, worker);
      outcomes.add(new Outcome(run, end, obstacle));
      if (end != End.DONE) {
        unsuccessful.add(run.number());
      }
      if (end == End.STOPPED) {
        ended = STOPPED_BY_USER;
      } else if (stopOnFailure && end != End.DONE && ended.isEmpty()) {
        ended = "run %d did not succeed (--stop_on_failure)".formatted(run.number());
      }
    }
    return outcomes;
  }

  private static End begin(QueuedRun run, Worker worker) {
    return run.isSound() ? worker.train(run) : End.WRONG_INPUT;
  }

  private static String obstacle(QueuedRun run, Set<Integer> unsuccessful) {
    for (QueuedRun.Need need : run.needs()) {
      if (unsuccessful.contains(need.maker())) {
        return "its %s was to be made by run %d".formatted(need.flag(), need.maker());
      }
    }
    return run.afterSuccess() && unsuccessful.contains(run.number() - 1)
        ? "the script wants it only after a success of run %d".formatted(run.number() - 1)
        : "";
  }

  /// Files that more than one run writes, with the numbers of those runs.
  public List<String> collisions() {
    List<String> found = new ArrayList<>();
    for (int i = 0; i < runs.size(); i++) {
      for (int k = 0; k < i; k++) {
        Set<Path> both = new HashSet<>(runs.get(i).findings().files());
        both.retainAll(runs.get(k).findings().files());
        if (!both.isEmpty()) {
          found.add(
              "run %d replaces %s of run %d (another --output_name keeps both)"
                  .formatted(i + 1, both.iterator().next(), k + 1));
        }
      }
    }
    return found;
  }
}
