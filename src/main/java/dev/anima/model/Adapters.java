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

  /// As above, with the frozen layer itself, for adapters that look at its weight.
  ///
  /// @param layer gave `output` for `input`
  default Tensor apply(Linear layer, Tensor input, Tensor output) {
    return apply(layer.module(), input, output);
  }

  /// These, then `others` on what they gave.
  default Adapters then(Adapters others) {
    Adapters first = this;
    return new Adapters() {
      @Override
      public Tensor apply(String module, Tensor input, Tensor output) {
        return others.apply(module, input, first.apply(module, input, output));
      }

      @Override
      public Tensor apply(Linear layer, Tensor input, Tensor output) {
        return others.apply(layer, input, first.apply(layer, input, output));
      }
    };
  }
}
