package dev.anima.train;

import dev.anima.dataset.SamplePlan;
import dev.anima.dataset.TrainingImage;
import org.jspecify.annotations.Nullable;

/// Decodes, resizes, crops and augments images. Thread-safe.
interface PictureLoader {
  /// One sample's pixels.
  ///
  /// @param rgb `3 * H * W` values in [-1, 1], channel after channel
  /// @param mask `H * W` values in [0, 1]: where the loss counts; null for everywhere
  record Picture(float[] rgb, float @Nullable [] mask) {}

  /// The sample as decided.
  Picture load(SamplePlan plan);

  /// What is cached of an image: its middle, upright or mirrored.
  Picture centred(TrainingImage image, boolean flipped);
}
