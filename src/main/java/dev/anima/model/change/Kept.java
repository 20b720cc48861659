package dev.anima.model.change;

import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// How much of `x ΔWᵀ` counts in one call: a factor, and with rank dropout the output rows that
/// stay (LoHa and LoKr drop rows of `ΔW`, not rank units: their factors mix the units).
///
/// @param rows `(out)` of 0 and 1, float32; null for all
/// @param scale multiplier * alpha / rank, divided by the share of rows that stays
public record Kept(@Nullable Tensor rows, double scale) {

  /// `matrix (out, n)` without the dropped rows.
  Tensor rowsOf(Tensor matrix) {
    return rows == null ? matrix : matrix.mul(rows.to(matrix.dtype()).unsqueeze(1));
  }

  /// `columns (n, out)` without the dropped rows of `ΔW`.
  Tensor columnsOf(Tensor columns) {
    return rows == null ? columns : columns.mul(rows.to(columns.dtype()));
  }
}
