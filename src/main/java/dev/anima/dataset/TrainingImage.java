package dev.anima.dataset;

/// An image with its place in the dataset.
///
/// @param repeats entries in its bucket; for regularisation images as balanced against the others
public record TrainingImage(FoundImage found, Subset subset, int repeats, BucketChoice choice) {
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
