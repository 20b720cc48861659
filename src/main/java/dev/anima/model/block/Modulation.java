package dev.anima.model.block;

import dev.anima.engine.Tensor;

/// Shift, scale and gate of one branch.
///
/// @param vectors `(B, 3D)`, in this order
record Modulation(Tensor vectors) {
  private long width() {
    return vectors.size(1) / 3;
  }

  /// `(D)`
  Tensor shift(long sample) {
    return vectors.select(0, sample).narrow(0, 0, width());
  }

  /// `(D)`
  Tensor scale(long sample) {
    return vectors.select(0, sample).narrow(0, width(), width());
  }

  /// `(B, 1, D)`
  Tensor gate() {
    return vectors.narrow(1, 2 * width(), width()).unsqueeze(1);
  }
}
