package dev.anima.model.change;

import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix;

/// The trained column lengths of a DoRA: the layer's weight is `(W + s ΔW) diag(c)` with `c = m /
/// |W + s ΔW|`, where `|.|` is the length of each column.
///
/// Columns (one length per input) are the form of the paper and the one that all readers understand
/// alike: for lengths per output row ComfyUI divides by `|W|` instead of `|W + ΔW|`
/// (docs/decisions/0011).
///
/// @param lengths `m (1, in)`
/// @param scale `s`, alpha / rank
public record Magnitude(Factor lengths, WeightChange change, double scale) {
  /// Below any length of a weight that does something; keeps a column of zeros from dividing by 0.
  public static final double SMALLEST = 1e-12;

  /// `|W + s ΔW| (1, in)` in the change's dtype, without a graph.
  ///
  /// @param weight `W (out, in)`
  public Tensor columnLengths(FrozenMatrix weight) {
    try (NoGrad _ = new NoGrad()) {
      return Scope.keep(() -> {
        Dtype own = lengths.value().dtype();
        Tensor changed = weight.in(own).add(change.dense().to(own), scale);
        return changed.norm(true, 0).clampMin(SMALLEST);
      });
    }
  }

  /// `c (1, in)`: 1 where training has not changed a length yet.
  ///
  /// @param columnLengths of the present weights
  public Tensor gain(Tensor columnLengths) {
    return lengths.value().div(columnLengths);
  }

  /// `dm += dc / |W + s ΔW|`
  ///
  /// @param gradGain `dc (1, in)`
  public void backward(Tensor gradGain, Tensor columnLengths) {
    lengths.add(gradGain.to(lengths.value().dtype()).div(columnLengths));
  }
}
