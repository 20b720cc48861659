package dev.anima.model;

import dev.anima.engine.Tensor;

/// What stands beside the linear layers of one network and adds to their outputs (a LoRA, usually).
///
/// Every linear layer of the text encoder, the LLM adapter and the DiT passes through here, in
/// forward order.
@FunctionalInterface
public interface Adapters {
  /// The plain network.
  Adapters NONE = (_, _, output) -> output;

  /// Output of the layer `module` with the adapter's part added.
  ///
  /// @param module dotted path inside its network, such as `blocks.0.self_attn.q_proj` or
  ///   `layers.3.mlp.up_proj`
  /// @param input `(..., in)` what the layer saw, in the compute dtype
  /// @param output `(..., out)` what the layer gave, in the compute dtype
  Tensor apply(String module, Tensor input, Tensor output);
}
