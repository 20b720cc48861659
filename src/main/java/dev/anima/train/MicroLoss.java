package dev.anima.train;

import dev.anima.dataset.BatchPlan;
import org.jspecify.annotations.Nullable;

/// The loss of a micro-batch, on its way from the device: this process's own, or in a team the mean
/// over all processes once it is agreed on.
final class MicroLoss implements AutoCloseable {
  private final StepLosses own;
  private final BatchPlan batch;
  private final boolean shared;
  private TeamStep.@Nullable Agreement agreement;
  private int place;

  /// @param own owned from here on
  /// @param shared whether the team agrees on it
  MicroLoss(StepLosses own, BatchPlan batch, boolean shared) {
    this.own = own;
    this.batch = batch;
    this.shared = shared;
  }

  void agree(TeamStep.Agreement with, int placeInWindow) {
    agreement = with;
    place = placeInWindow;
  }

  /// Whether [#value] is what it will be.
  boolean isKnown() {
    return !shared || agreement != null;
  }

  /// Waits for the device.
  double value() {
    return agreement == null ? own.value() : agreement.get().loss(place);
  }

  /// This process's own. Waits for the device.
  double own() {
    return own.value();
  }

  /// This process's own, sample by sample.
  StepLosses losses() {
    return own;
  }

  /// This process's batch.
  BatchPlan batch() {
    return batch;
  }

  @Override
  public void close() {
    own.close();
  }
}
