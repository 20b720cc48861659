package dev.anima.model;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.List;

/// Rotary position embedding in its half-split form: channel i turns together with channel i + d/2.
///
/// @param cos `(L, 1, d)`, cosines of the angles, both halves equal
/// @param sin `(L, 1, d)`
public record Rotary(Tensor cos, Tensor sin) implements AutoCloseable {

  /// Cosines and sines are taken in float32 and rounded to `dtype` afterwards. The result is
  /// retained: its owner closes it.
  ///
  /// @param halfAngles `L * d/2` angles in radians, row by row
  /// @param tokens L
  public static Rotary of(float[] halfAngles, int tokens, Device device, Dtype dtype) {
    try (Scope _ = new Scope()) {
      Tensor half = Ops.of(halfAngles, tokens, 1, halfAngles.length / tokens);
      Tensor angles = Ops.cat(List.of(half, half), -1);
      return new Rotary(
          angles.cos().to(device, dtype).retain(), angles.sin().to(device, dtype).retain());
    }
  }

  /// `x cos + rotate(x) sin` with `rotate(x) = (-x2, x1)` for the halves x1, x2 of every head.
  ///
  /// @param x `(B, L, N, d)` in the table's dtype
  public Tensor apply(Tensor x) {
    List<Tensor> halves = x.chunk(2, -1);
    Tensor rotated = Ops.cat(List.of(halves.get(1).neg(), halves.get(0)), -1);
    return x.mul(cos).add_(rotated.mul(sin));
  }

  /// The table's first `tokens` rows, as views in the current scope (they stay valid when this
  /// table is closed).
  public Rotary first(long tokens) {
    return new Rotary(cos.narrow(0, 0, tokens), sin.narrow(0, 0, tokens));
  }

  @Override
  public void close() {
    cos.close();
    sin.close();
  }
}
