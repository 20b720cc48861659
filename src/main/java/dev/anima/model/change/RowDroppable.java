package dev.anima.model.change;

import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// LoHa and LoKr: changes whose rank dropout leaves out rows of `ΔW`. Forward and backward by hand;
/// call them under [dev.anima.engine.NoGrad].
///
/// Shapes: `x (n, in)`, `y (n, out)`, both of the compute dtype; `y` may have a row stride.
public sealed interface RowDroppable extends WeightChange permits Hadamard, Kronecker {
  /// What forward and backward share and may be kept in between or computed twice; null if it is
  /// not worth keeping.
  @Nullable Tensor inner(Tensor x);

  /// `y += scale rows ∘ x ΔWᵀ`
  ///
  /// @param inner of the same `x`
  void addTo(Tensor y, Tensor x, @Nullable Tensor inner, Kept kept);

  /// Adds to the factors' gradients, and to `dx` if that is wanted.
  ///
  /// @param dy `(n, out)`, not changed
  void backward(Tensor dy, Tensor x, @Nullable Tensor inner, Kept kept, @Nullable Tensor dx);
}
