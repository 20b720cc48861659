package dev.anima.model.block;

import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// Something trainable beside a frozen linear layer, with its own backward.
///
/// Shapes: `x (B, L, in)`, `y (B, L, out)` in the compute dtype; `y` may be a strided view.
public interface LinearAdapter {
  /// Adds its part to `y`, drawing what dropouts there are.
  ///
  /// @param drawnTokens for how many tokens random numbers are drawn, at least `L`: a trimmed text
  ///   draws for its padded length, so that the stream does not depend on the trimming
  /// @return what the other two methods need
  Saved forward(Tensor x, Tensor y, long drawnTokens);

  /// Adds the same numbers to `y` once more, for a recomputed layer.
  void again(Tensor x, Tensor y, Saved saved);

  /// Adds to its own gradients, and to the gradient of `x` if that is wanted.
  ///
  /// @param dy `(B, L, out)`, not changed
  /// @param dx `(B, L, in)`
  void backward(Tensor dy, Tensor x, Saved saved, @Nullable Tensor dx);

  /// Kept from forward to backward. Owns its tensors, whatever scope they were made in.
  interface Saved extends AutoCloseable {
    /// False if the whole module was dropped in this call, so that it gets no gradient, not even 0.
    boolean tookPart();

    /// Frees what the other methods can compute again.
    void shrink();

    /// Bytes held.
    long bytes();

    @Override
    void close();
  }
}
