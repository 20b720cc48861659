package dev.anima.sample;

import dev.anima.engine.Tensor;

/// Texts as the DiT attends to them.
@FunctionalInterface
public interface Contexts {
  /// The text behind Qwen3 and the LLM adapter.
  ///
  /// @param prompt also the empty text
  /// @return `(1, T, context)` in the DiT's dtype and on its device, padding rows 0; in the
  ///   caller's scope or owned by this: not to be closed by the caller
  Tensor of(String prompt);
}
