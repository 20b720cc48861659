package dev.anima.model;

import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// One frozen linear layer and the dotted path under which adapters know it.
///
/// @param module such as `blocks.0.self_attn.q_proj`
/// @param weight `(out, in)`
/// @param bias `(out)`, or null
public record Linear(String module, FrozenMatrix weight, @Nullable Tensor bias) {
  /// `input (..., in)` to `(..., out)`, with the adapters' part added. Computes in the input's
  /// dtype.
  public Tensor apply(Tensor input, Adapters adapters) {
    Tensor output =
        switch (weight) {
          case FrozenMatrix.Dense _ -> product(input);
          // What is unpacked goes right after the product, unless a graph holds it.
          case FrozenMatrix.RowScaled _ -> Scope.keep(() -> product(input));
        };
    return adapters.apply(this, input, output);
  }

  /// The same with a copy of the weight, in the caller's scope.
  public Linear copied() {
    return new Linear(module, weight.map(Tensor::copy), bias);
  }

  private Tensor product(Tensor input) {
    var dtype = input.dtype();
    return Ops.linear(input, weight.in(dtype), bias == null ? null : bias.to(dtype));
  }
}
