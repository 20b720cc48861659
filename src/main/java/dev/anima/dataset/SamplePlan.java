package dev.anima.dataset;

import dev.anima.config.Size;

/// Everything decided about one sample; loading its pixels or latents needs no more random numbers.
///
/// @param image what to load
/// @param framing which part of it
/// @param colour colour augmentation
/// @param flipped mirrored horizontally
/// @param caption text to encode; for cached text the text that was encoded
/// @param lossWeight factor on this sample's loss
public record SamplePlan(
    TrainingImage image,
    Framing framing,
    ColourChange colour,
    boolean flipped,
    String caption,
    double lossWeight) {
  /// Pixels of the sample.
  public Size target() {
    return framing.target();
  }
}
