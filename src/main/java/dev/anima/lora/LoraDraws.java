package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.Tensor;

/// The random numbers of the three dropouts, asked for in the reference's order: per call the
/// module's draw, then the element mask, then the rank (or rows) draw.
public interface LoraDraws {
  /// One uniform number in [0, 1) that decides whether a module takes part in this call.
  float module();

  /// Mask for `activations` `(..., rank)`: 0 with `probability`, else 1 / (1 - probability). Same
  /// shape and dtype.
  Tensor element(Tensor activations, double probability);

  /// Uniform numbers in [0, 1), float32 `(batch, rank)`.
  Tensor rank(long batch, int rank, Device device);

  /// Uniform numbers in [0, 1), float32 `(rows)`: the rank dropout of LoHa and LoKr.
  Tensor rows(long rows, Device device);
}
