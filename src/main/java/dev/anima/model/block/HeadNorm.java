package dev.anima.model.block;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;

/// RMS norm over each head: `y = w (x r)` with `r = 1 / sqrt(mean(x²) + 1e-6)`, the statistic in
/// float32.
///
/// Backward, with `g = w dy`: `dx = r g - x r³ mean(g x)`.
///
/// @param weight `(d)`, shared by all heads
record HeadNorm(Tensor weight) {
  private static final double EPSILON = 1e-6;

  /// @param x `(B, L, D)`, rows may be strided
  /// @return `(B, L, N, d)`
  Tensor forward(Tensor x) {
    return Scope.keep(() -> {
      Tensor heads = heads(x);
      return Ops.mulInto(like(heads), heads, reciprocal(heads)).mul_(weight);
    });
  }

  /// @param dy `(B, L, N, d)`, used up
  /// @param x as in forward
  /// @return `(B, L, D)`
  Tensor backward(Tensor dy, Tensor x) {
    return Scope.keep(() -> {
      Tensor heads = heads(x);
      Tensor r = reciprocal(heads);
      Tensor g = dy.mul_(weight);
      Tensor mean =
          g.mul(heads).sum(r.dtype(), true, -1).div_((double) heads.size(-1)); // (B, L, N, 1)
      Tensor dx = Ops.mulInto(like(heads), g, r);
      dx.addcmul_(heads, mean.mul_(r.pow(3)).to(x.dtype()), -1);
      return dx.flatten(2, 3);
    });
  }

  private Tensor reciprocal(Tensor heads) {
    Dtype statistic = heads.dtype() == Dtype.F64 ? Dtype.F64 : Dtype.F32;
    return heads
        .lengths(statistic)
        .square()
        .div_((double) heads.size(-1))
        .add_(EPSILON)
        .rsqrt(); // (B, L, N, 1)
  }

  private Tensor heads(Tensor x) {
    long size = weight.size(0);
    return x.view(x.size(0), x.size(1), x.size(2) / size, size);
  }

  private static Tensor like(Tensor heads) {
    return Ops.empty(heads.dtype(), heads.device(), heads.shape());
  }
}
