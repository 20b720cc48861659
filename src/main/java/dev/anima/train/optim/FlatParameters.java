package dev.anima.train.optim;

import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;

/// The trainable values and what lies where in them. Does not own the buffer.
///
/// @param values `(layout.size())`, contiguous, fp32 (bf16 or fp16 with
///   `--full_bf16`/`--full_fp16`)
/// @param store how new values get into `values`
public record FlatParameters(Tensor values, ParameterLayout layout, WeightStore store) {
  public FlatParameters {
    if (values.dim() != 1 || values.numel() != layout.size() || !values.isContiguous()) {
      throw new IllegalArgumentException(
          "expected a flat buffer of " + layout.size() + " elements, got " + values);
    }
  }

  public FlatParameters(Tensor values, ParameterLayout layout) {
    this(values, layout, new WeightStore.InPlace());
  }

  FlatParameters with(WeightStore other) {
    return new FlatParameters(values, layout, other);
  }

  /// The tensor of one slot, a view into `buffer` (these values, gradients, or a state of the same
  /// layout).
  static Tensor view(Tensor buffer, ParameterLayout.Slot slot) {
    return buffer.narrow(0, slot.offset(), slot.length()).view(slot.shapeArray());
  }

  /// The values of a piece, to be changed in place and given to [#store].
  Tensor open(Run.Chunk chunk) {
    return store.open(chunk.of(values), chunk.offset());
  }

  void store(Run.Chunk chunk, Tensor changed) {
    store.store(chunk.of(values), chunk.offset(), changed);
  }

  /// The values of one slot, likewise.
  Tensor open(ParameterLayout.Slot slot) {
    return store.open(view(values, slot), slot.offset());
  }

  void store(ParameterLayout.Slot slot, Tensor changed) {
    store.store(view(values, slot), slot.offset(), changed);
  }

  /// Dtype of a second set of weights in an optimizer's state.
  Dtype weightDtype() {
    return store.widens() ? Dtype.F32 : values.dtype();
  }
}
