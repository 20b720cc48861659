package dev.anima.model.block;

import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// What a block's backward gives besides the adapters' gradients.
///
/// @param input `dL/dx (B, L, D)`, null if not wanted
/// @param modulation `(3, B, 3D)` gradient of the shift, scale and gate vectors, null if not wanted
public record BlockGradients(@Nullable Tensor input, @Nullable Tensor modulation) {}
