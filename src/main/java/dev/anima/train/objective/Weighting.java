package dev.anima.train.objective;

import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;

/// Loss weight by sigma (`--weighting_scheme`).
public enum Weighting {
  /// `sigma^-2`
  SIGMA_SQRT,
  /// `2 / (pi (1 - 2 sigma + 2 sigma^2))`
  COSMAP,
  /// 1 (all other schemes)
  NONE;

  /// Multiplies `loss` `(B, C, h, w)` by the weights of `sigmas` `(B, 1, 1, 1)`.
  Tensor apply(Tensor loss, Tensor sigmas) {
    return this == NONE ? loss : loss.mul(of(sigmas));
  }

  /// Weights in the shape of `sigmas`.
  public Tensor of(Tensor sigmas) {
    return switch (this) {
      case SIGMA_SQRT -> sigmas.pow(-2).to(Dtype.F32);
      case COSMAP -> {
        Tensor bottom = sigmas.mul(-2).add(1).add(sigmas.square().mul(2));
        yield bottom.mul(Math.PI).reciprocal().mul(2);
      }
      case NONE -> sigmas.mul(0).add(1);
    };
  }
}
