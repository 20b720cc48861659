package dev.anima.train.optim;

import dev.anima.engine.Tensor;

/// The trainable values and what lies where in them. Does not own the buffer.
///
/// @param values `(layout.size())`, contiguous, fp32 (bf16 or fp16 with
///   `--full_bf16`/`--full_fp16`)
public record FlatParameters(Tensor values, ParameterLayout layout) {
  public FlatParameters {
    if (values.dim() != 1 || values.numel() != layout.size() || !values.isContiguous()) {
      throw new IllegalArgumentException(
          "expected a flat buffer of " + layout.size() + " elements, got " + values);
    }
  }

  /// The tensor of one slot, a view into `buffer` (these values, gradients, or a state of the same
  /// layout).
  static Tensor view(Tensor buffer, ParameterLayout.Slot slot) {
    return buffer.narrow(0, slot.offset(), slot.length()).view(slot.shapeArray());
  }
}
