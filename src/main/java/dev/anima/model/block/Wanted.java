package dev.anima.model.block;

import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// Which gradients a block's backward computes besides those of the adapters.
///
/// @param input `dL/dx`
/// @param modulation gradients of the shift, scale and gate vectors; costs a product per branch
///   under every policy
/// @param context where `dL/dcontext (B, K, C)` is added; null if it is not wanted
public record Wanted(boolean input, boolean modulation, @Nullable Tensor context) {
  /// Adapters and the block below.
  public static final Wanted INPUT = new Wanted(true, false, null);
}
