package dev.anima.model;

import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;

/// Root-mean-square normalisation over the last dimension.
public final class Rms {
  /// The epsilon of every norm in the DiT, the LLM adapter and Qwen3.
  public static final double EPSILON = 1e-6;

  private Rms() {}

  /// `x / sqrt(mean(x^2) + epsilon)` in float32 (float64 stays), rounded to the dtype of `x`, then
  /// times `weight`.
  ///
  /// The adapter's norm in the reference is written the other way round (it promotes first), which
  /// gives the same numbers as long as weight and input have one dtype, as they do here.
  ///
  /// @param x `(..., D)`
  /// @param weight `(D)` in the dtype of `x`
  public static Tensor norm(Tensor x, Tensor weight, double epsilon) {
    Tensor wide = x.dtype().isReduced() ? x.to(Dtype.F32) : x;
    Tensor scale = wide.square().mean(true, -1).add_(epsilon).rsqrt();
    return wide.mul(scale).to(x.dtype()).mul(weight);
  }
}
