package dev.anima.train;

import java.time.Duration;

/// Tells of a phase's progress once it turns out to take a while: short work is not worth a line.
final class SlowPhase implements TextPipeline.Progress {
  private static final Duration SHOWN_AFTER = Duration.ofSeconds(2);

  private final String name;
  private final String unit;
  private final TrainListener listener;
  private final long start = System.nanoTime();
  private boolean shown;

  /// @param unit what is counted, such as `captions`
  SlowPhase(String name, String unit, TrainListener listener) {
    this.name = name;
    this.unit = unit;
    this.listener = listener;
  }

  @Override
  public void at(int done, int total) {
    if (!shown && done < total && System.nanoTime() - start > SHOWN_AFTER.toNanos()) {
      shown = true;
      listener.on(new TrainEvent.PhaseStarted(name, total, unit));
    }
    if (shown) {
      listener.on(new TrainEvent.PhaseProgress(name, done, total));
    }
  }
}
