package dev.anima.train.optim;

import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.List;

/// Norm and clipping of a flat gradient buffer. Slots without gradient must be zero in it.
public final class Gradients {
  /// Sums of this length first, then the sum of those: a plain float32 sum over tens of millions of
  /// squares would lose digits.
  private static final long ROW = 1L << 12;

  private Gradients() {}

  /// Euclidean length of all elements, a scalar on the device.
  public static Tensor norm(Tensor gradients) {
    return Scope.keep(() -> {
      // A float16 norm would overflow from 65504 on.
      Tensor flat = gradients.dtype().isReduced() ? gradients.to(Dtype.F32) : gradients;
      long rows = flat.numel() / ROW;
      long whole = rows * ROW;
      if (rows == 0) {
        return flat.norm();
      }
      Tensor rowNorms = flat.narrow(0, 0, whole).view(rows, ROW).norm(false, 1);
      if (whole == flat.numel()) {
        return rowNorms.norm();
      }
      Tensor rest = flat.narrow(0, whole, flat.numel() - whole).norm().view(1);
      return Ops.cat(List.of(rowNorms, rest), 0).norm();
    });
  }

  /// Scales the gradients down to a length of at most `maxNorm`: times `min(1, maxNorm / (norm +
  /// 1e-6))`. Does not wait for the device.
  ///
  /// @param maxNorm `--max_grad_norm`, above 0
  /// @return the length before, a scalar on the device, in the caller's scope
  public static Tensor clip_(Tensor flat, double maxNorm) {
    try (NoGrad _ = new NoGrad()) {
      Tensor norm = norm(flat);
      try (Scope _ = new Scope()) {
        flat.mul_(norm.add(1e-6).reciprocal_().mul_(maxNorm).clampMax_(1));
      }
      return norm;
    }
  }
}
