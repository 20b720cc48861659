package dev.anima.model.vae;

import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Weights;

/// One 2-D convolution of stride 1 that keeps the size.
///
/// The file's causal 3-D convolutions see zeros in front of a single frame, so only their last
/// temporal slice acts: `conv3d(x, W) = conv2d(x, W[:, :, -1])`, exactly.
///
/// @param weight `(out, in, k, k)`, k = 1 or 3
/// @param bias `(out)`
record Conv(Tensor weight, Tensor bias) {
  static Conv load(Weights weights, VaeNames names, String module) {
    return new Conv(
        weights.tensor(
            names.inFile(module + ".weight"),
            stored -> stored.dim() == 5 ? stored.select(2, stored.size(2) - 1) : stored),
        weights.tensor(names.inFile(module + ".bias")));
  }

  /// @param x `(B, in, h, w)`
  /// @param rows output rows computed at a time; 0 for all at once
  /// @return `(B, out, h, w)`
  Tensor apply(Tensor x, int rows) {
    int padding = (int) weight.size(-1) / 2;
    long height = x.size(2);
    if (rows == 0 || padding == 0 || height <= rows) {
      return Ops.conv2d(x, weight, bias, 1, padding);
    }
    Tensor result = Ops.empty(x.dtype(), x.device(), x.size(0), weight.size(0), height, x.size(3));
    for (long start = 0; start < height; start += rows) {
      try (Scope _ = new Scope()) {
        long end = Math.min(height, start + rows);
        long above = start > 0 ? 1 : 0; // neighbours inside the picture, zeros outside
        long below = end < height ? 1 : 0;
        Tensor strip = x.narrow(2, start - above, end - start + above + below);
        Tensor padded = Ops.pad(strip, 1, 1, 1 - above, 1 - below);
        result.narrow(2, start, end - start).copy_(Ops.conv2d(padded, weight, bias, 1, 0));
      }
    }
    return result;
  }
}
