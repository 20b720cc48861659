package dev.anima.train;

import dev.anima.config.MemoryConfig.Checkpointing;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.dit.AnimaDit;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One micro-batch's way through the DiT: forward, and backward to whatever trains.
///
/// A pass is used once: [#forward], then [#backward] inside the same scope. Gradients of LoRA
/// weights are added to the set's own buffers.
///
/// Shapes: `B` batch, `h`,`w` latent extents, `T` text rows.
interface DitPass {
  /// The pass that the flags ask for, for one micro-batch.
  ///
  /// @param streams that dropouts draw from
  static DitPass of(
      Checkpointing checkpointing, AnimaDit dit, Adapters adapters, List<RandomStream> streams) {
    return switch (checkpointing) {
      case OFF -> new PlainPass(dit, adapters);
      case RECOMPUTE, OFFLOAD -> new CheckpointedPass(dit, adapters, streams);
    };
  }

  /// The velocity at `noisy`, without a graph.
  ///
  /// @param noisy `(B, 16, h, w)` in the model's dtype
  /// @param timesteps `(B)` in 0..1
  /// @param context `(B, T, width)` in the model's dtype
  /// @return `(B, 16, h, w)` in the model's dtype, in the caller's scope
  Tensor forward(Tensor noisy, Tensor timesteps, Tensor context);

  /// Adds the gradients of every trained weight.
  ///
  /// @param gradient of the loss by the velocity, in its shape and dtype
  /// @param contextWanted whether something before the DiT trains (text encoder or LLM adapter)
  /// @return the gradient of the loss by the context, in the caller's scope; null if not wanted
  @Nullable Tensor backward(Tensor gradient, boolean contextWanted);
}
