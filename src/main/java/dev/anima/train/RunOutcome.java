package dev.anima.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Remembers how a run went: its losses, its files, and whether it was stopped.
public final class RunOutcome implements TrainListener {
  private final List<Double> losses = new ArrayList<>();
  private final List<Path> saved = new ArrayList<>();
  private boolean stopped;

  @Override
  public void on(TrainEvent event) {
    switch (event) {
      case TrainEvent.BatchDone done -> losses.add(done.loss());
      case TrainEvent.Saved done -> saved.add(done.file());
      case TrainEvent.Finished done -> stopped = done.stopped();
      case TrainEvent.PhaseStarted _,
          TrainEvent.PhaseProgress _,
          TrainEvent.Note _,
          TrainEvent.Memory _,
          TrainEvent.Started _,
          TrainEvent.EpochStarted _,
          TrainEvent.EpochDone _,
          TrainEvent.Validated _,
          TrainEvent.Measured _,
          TrainEvent.BestMarked _,
          TrainEvent.EndedEarly _,
          TrainEvent.StateSaved _,
          TrainEvent.Removed _,
          TrainEvent.SampleDrawn _ -> {}
    }
  }

  /// The loss of every micro-batch in order.
  public List<Double> losses() {
    return List.copyOf(losses);
  }

  /// Files written, the newest last.
  public List<Path> saved() {
    return List.copyOf(saved);
  }

  public boolean stopped() {
    return stopped;
  }
}
