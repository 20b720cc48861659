package dev.anima.model.change;

import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;

/// The change `ΔW (out, in)` of a frozen weight, written with fewer numbers than it has elements.
/// Without the scale `alpha / rank`.
///
/// [#dense] and [#apply] are plain operations that autograd can follow; the hand-written backward
/// of LoHa and LoKr is [RowDroppable]'s, that of LoRA is in the block's `LowRankAdapter`.
public sealed interface WeightChange permits LowRank, RowDroppable {
  /// `ΔW (out, in)` in the dtype of its factors.
  Tensor dense();

  /// `x (..., in)` to `x ΔWᵀ (..., out)`, in the dtype of `x`.
  Tensor apply(Tensor x);

  /// `|ΔW|²` (Frobenius), a scalar in `dtype`.
  Tensor squaredNorm(Dtype dtype);
}
