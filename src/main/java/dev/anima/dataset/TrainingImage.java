package dev.anima.dataset;

import dev.anima.io.Interpolation;
import java.util.Optional;

/// An image with its place in the dataset.
///
/// @param repeats entries in its bucket; for regularisation images as balanced against the others
/// @param interpolation how the image is resized; empty for the automatic choice
public record TrainingImage(
    FoundImage found,
    Subset subset,
    int repeats,
    BucketChoice choice,
    Optional<Interpolation> interpolation) {
  public String key() {
    return found.key();
  }

  public boolean isReg() {
    return subset.spec().isReg();
  }

  @Override
  public String toString() {
    return found.key();
  }
}
