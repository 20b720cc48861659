package dev.anima.train;

import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// One micro-batch's way through the DiT: forward, and backward to whatever trains.
///
/// A pass is used once: [#forward], then [#backward] inside the same scope. Gradients of LoRA
/// weights are added to the set's own buffers.
///
/// Shapes: `B` batch, `h`,`w` latent extents, `T` text rows.
interface DitPass {
  /// The velocity at `noisy`, without a graph.
  ///
  /// @param noisy `(B, 16, h, w)` in the model's dtype
  /// @param timesteps `(B)` in 0..1
  /// @return `(B, 16, h, w)` in the model's dtype, in the caller's scope
  Tensor forward(Tensor noisy, Tensor timesteps, DitContext context);

  /// Adds the gradients of every trained weight.
  ///
  /// @param gradient of the loss by the velocity, in its shape and dtype
  /// @param contextWanted whether something before the DiT trains (text encoder or LLM adapter)
  /// @return the gradient of the loss by the context, in the caller's scope; null if not wanted
  @Nullable Tensor backward(Tensor gradient, boolean contextWanted);
}
