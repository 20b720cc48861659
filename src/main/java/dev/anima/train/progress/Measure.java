package dev.anima.train.progress;

import java.util.Optional;

/// One measure of a run's progress.
///
/// @param step optimizer steps done
/// @param training on images that are trained on
/// @param heldOut on images that are not, where there are some
/// @param withoutTrigger on the training images whose captions have a trigger word, without it
public record Measure(
    int step,
    int epoch,
    Differences training,
    Optional<Differences> heldOut,
    Optional<Differences> withoutTrigger) {

  /// What the verdict goes by.
  public Differences judged() {
    return heldOut.orElse(training);
  }
}
