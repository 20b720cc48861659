package dev.anima.model.change;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;

/// LoRA: `ΔW = B A`.
///
/// @param down `A (r, in)`
/// @param up `B (out, r)`
public record LowRank(Tensor down, Tensor up) implements WeightChange {
  @Override
  public Tensor dense() {
    return up.matmul(down);
  }

  @Override
  public Tensor apply(Tensor x) {
    return Ops.linear(Ops.linear(x, down.to(x.dtype())), up.to(x.dtype()));
  }

  /// `|BA|² = tr((BᵀB)(AAᵀ))`: two rank x rank products instead of the whole matrix.
  @Override
  public Tensor squaredNorm(Dtype dtype) {
    Tensor a = down.to(dtype);
    Tensor b = up.to(dtype);
    return b.t().matmul(b).mul(a.matmul(a.t())).sum();
  }
}
