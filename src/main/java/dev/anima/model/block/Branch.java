package dev.anima.model.block;

import dev.anima.engine.Tensor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// One of the three things a block adds to its stream.
sealed interface Branch permits SelfAttention, CrossAttention, Mlp {
  /// The branch's output before the gate, from whatever `saved` still has.
  ///
  /// @param normed its input `n (B, L, D)`, computed when asked for
  /// @return `(B, L, D)`
  Tensor forward(Activations saved, BlockInputs inputs, Supplier<Tensor> normed);

  /// Uses up the branch's activations.
  ///
  /// @param da gradient of the branch's output
  /// @return gradient of `n`, or null if not wanted
  @Nullable Tensor backward(
      Tensor da, Activations saved, BlockInputs inputs, Supplier<Tensor> normed, Wanted wanted);
}
