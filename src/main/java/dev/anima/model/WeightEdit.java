package dev.anima.model;

import dev.anima.engine.Tensor;

/// Changes weights while a model is loaded, such as merging a LoRA into them.
@FunctionalInterface
public interface WeightEdit {
  /// The weights of the file.
  WeightEdit NONE = (_, weight) -> weight;

  /// The weight to use for the layer `module`.
  ///
  /// @param module dotted path, such as `blocks.0.self_attn.q_proj`
  /// @param weight `(out, in)` in the model's dtype and on its device; it may lie in the file's
  ///   mapping, so it must not be written to
  /// @return `weight` itself where nothing changes, else a new tensor of its shape, dtype and
  ///   device
  Tensor apply(String module, Tensor weight);
}
