package dev.anima.model.block;

import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;

/// Rotary position embedding in its half-split form: the pair `(i, i + d/2)` of every head turns by
/// the token's angle `i`. The same for all blocks, one per bucket shape.
///
/// Forward: `y = x cos + rot(x) sin`, `rot(x) = (-x₂, x₁)`. Backward is the turn back: `dx = dy cos
/// - rot(dy) sin`.
///
/// @param cos `(L, 1, d)` in the compute dtype, second half equal to the first
/// @param sin likewise
public record Rotary(Tensor cos, Tensor sin) {

  /// @param angles `(L, d)` or `(L, 1, 1, d)`, float32 or wider
  public static Rotary of(Tensor angles, dev.anima.engine.Dtype compute) {
    Tensor rows = angles.view(angles.size(0), 1, angles.size(-1));
    return new Rotary(rows.cos().to(compute), rows.sin().to(compute));
  }

  /// @param x `(B, L, N, d)`
  Tensor forward(Tensor x) {
    return turn(x, 1);
  }

  Tensor backward(Tensor dy) {
    return turn(dy, -1);
  }

  private Tensor turn(Tensor x, double direction) {
    return Scope.keep(() -> {
      long half = x.size(-1) / 2;
      Tensor y = x.mul(cos);
      first(y, half).addcmul_(second(x, half), first(sin, half), -direction);
      second(y, half).addcmul_(first(x, half), second(sin, half), direction);
      return y;
    });
  }

  private static Tensor first(Tensor x, long half) {
    return x.narrow(-1, 0, half);
  }

  private static Tensor second(Tensor x, long half) {
    return x.narrow(-1, half, half);
  }
}
