package dev.anima.train;

import dev.anima.config.FlagsReader;
import dev.anima.train.team.Threads;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/// Tiny runs of several processes, which are threads here.
final class TinyTeam {
  private TinyTeam() {}

  /// How a process saw the run.
  ///
  /// @param rates of the next step
  record Seen(List<Double> losses, List<Integer> steps, List<Double> rates, boolean stopped) {}

  /// Trains with `flags` in `folder`.
  ///
  /// @param stopAfter steps after which the last process is asked to stop
  /// @return by rank, a [Seen] or what the process threw
  static List<Object> train(int size, Path folder, List<String> flags, int stopAfter)
      throws Exception {
    return train(size, folder, flags, stopAfter, false);
  }

  /// As above.
  ///
  /// @param late whether losses are looked at when the next batch is under way, as on a card
  static List<Object> train(int size, Path folder, List<String> flags, int stopAfter, boolean late)
      throws Exception {
    return train(size, folder, flags, stopAfter, late, TrainListener.NONE);
  }

  /// As above.
  ///
  /// @param also hears rank 0's events
  static List<Object> train(
      int size, Path folder, List<String> flags, int stopAfter, boolean late, TrainListener also)
      throws Exception {
    return Threads.all(
        size,
        team -> {
          TrainSetup setup = TrainSetup.of(FlagsReader.read(flags, folder).flags(), folder, team);
          Seen seen = new Seen(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), false);
          RunOutcome outcome = new RunOutcome();
          AtomicInteger done = new AtomicInteger();
          TrainListener listener =
              event -> {
                outcome.on(event);
                if (team.isFirst()) {
                  also.on(event);
                }
                if (event instanceof TrainEvent.BatchDone batch) {
                  done.set(batch.step());
                  seen.losses.add(batch.loss());
                  seen.steps.add(batch.step());
                  seen.rates.add(batch.learningRates().values().iterator().next());
                }
              };
          boolean asked = team.rank() == size - 1;
          try (TrainingRun run = new TrainingRun(setup, listener, "anima/test")) {
            if (late) {
              run.tellLate();
            }
            run.run(() -> asked && done.get() >= stopAfter);
          }
          return new Seen(seen.losses, seen.steps, seen.rates, outcome.stopped());
        });
  }

  static List<Object> train(int size, Path folder, List<String> flags) throws Exception {
    return train(size, folder, flags, Integer.MAX_VALUE);
  }

  /// Of runs where nothing was thrown.
  static List<Seen> seen(List<Object> ends) {
    List<Seen> all = new ArrayList<>();
    for (Object end : ends) {
      if (end instanceof Throwable problem) {
        throw new AssertionError("a process failed", problem);
      }
      all.add((Seen) end);
    }
    return all;
  }
}
