package dev.anima.model;

import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// One frozen linear layer and the dotted path under which adapters know it.
///
/// @param module such as `blocks.0.self_attn.q_proj`
/// @param weight `(out, in)`
/// @param bias `(out)`, or null
public record Linear(String module, Tensor weight, @Nullable Tensor bias) {
  /// `input (..., in)` to `(..., out)`, with the adapters' part added. Computes in the input's
  /// dtype.
  public Tensor apply(Tensor input, Adapters adapters) {
    var dtype = input.dtype();
    Tensor output = Ops.linear(input, weight.to(dtype), bias == null ? null : bias.to(dtype));
    return adapters.apply(module, input, output);
  }
}
