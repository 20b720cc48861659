package dev.anima.model.block;

import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The shift, scale and gate vectors of one block: `M = W₂ (W₁ SiLU(e)) + adaln` for each of its
/// three branches, no activation between the two layers.
///
/// Shapes: `SiLU(e) (B, 1, D)`, `adaln (B, 1, 3D)`, `M (3, B, 3D)`.
public final class BlockModulation {
  private final List<AdaptedLinear> downs;
  private final List<AdaptedLinear> ups;

  BlockModulation(BlockWeights weights, BlockAdapters adapters) {
    downs =
        layers(
            weights,
            adapters,
            BlockLinear.SELF_MODULATION_DOWN,
            BlockLinear.CROSS_MODULATION_DOWN,
            BlockLinear.MLP_MODULATION_DOWN);
    ups =
        layers(
            weights,
            adapters,
            BlockLinear.SELF_MODULATION_UP,
            BlockLinear.CROSS_MODULATION_UP,
            BlockLinear.MLP_MODULATION_UP);
  }

  private static List<AdaptedLinear> layers(
      BlockWeights weights, BlockAdapters adapters, BlockLinear... names) {
    List<AdaptedLinear> layers = new ArrayList<>();
    for (BlockLinear name : names) {
      layers.add(AdaptedLinear.of(weights, adapters, false, name));
    }
    return List.copyOf(layers);
  }

  /// Whether these layers train, so that they cannot be part of a batched product.
  public boolean isAdapted() {
    return downs.stream().anyMatch(AdaptedLinear::isAdapted)
        || ups.stream().anyMatch(AdaptedLinear::isAdapted);
  }

  /// @param saved of the block this belongs to; takes what the adapters keep
  public Tensor forward(Tensor activatedEmbedding, Tensor adaln, Activations saved) {
    return Scope.keep(() -> {
      List<Tensor> vectors = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        Tensor inner = downs.get(i).forward(activatedEmbedding, saved);
        vectors.add(ups.get(i).forward(inner, saved).add_(adaln).squeeze(1));
      }
      return Ops.stack(vectors, 0);
    });
  }

  /// Adds to the adapters' gradients. The gradient of `adaln` is the sum of `gradVectors` over its
  /// first dimension.
  ///
  /// @param gradVectors `(3, B, 3D)`
  /// @param saved of the block this belongs to, not closed yet
  /// @param gradActivated where the gradient of `SiLU(e)` is added; null if not wanted
  public void backward(
      Tensor gradVectors,
      Tensor activatedEmbedding,
      Activations saved,
      @Nullable Tensor gradActivated) {
    try (Scope _ = new Scope()) {
      for (int i = 0; i < 3; i++) {
        AdaptedLinear down = downs.get(i);
        Tensor gradient = gradVectors.select(0, i).unsqueeze(1); // (B, 1, 3D)
        Tensor gradInner =
            Objects.requireNonNull(
                ups.get(i)
                    .backward(
                        List.of(gradient),
                        () -> down.forward(activatedEmbedding, saved),
                        saved,
                        true));
        Tensor gradInput =
            down.backward(
                List.of(gradInner), () -> activatedEmbedding, saved, gradActivated != null);
        if (gradActivated != null && gradInput != null) {
          gradActivated.add_(gradInput);
        }
      }
    }
  }
}
