package dev.anima.dataset;

/// In which order the batches of an epoch are fetched. The trainer draws it from torch's stream.
@FunctionalInterface
public interface EpochOrder {
  /// A permutation of `0 .. batches-1`; asked for once, when the epoch begins.
  long[] permutation(int epoch, int batches);
}
