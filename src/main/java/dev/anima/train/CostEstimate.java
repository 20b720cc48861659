package dev.anima.train;

import dev.anima.config.Size;
import dev.anima.engine.Dtype;
import dev.anima.model.dit.DitConfig;

/// What a step costs, from shapes alone: arithmetic, and the weights it runs over. What a run takes
/// in memory is planned in [dev.anima.train.plan.MemoryPlan].
///
/// Letters: `L` image tokens, `T` text rows, `c` width, `f` MLP width, `x` text width.
///
/// @param config of the DiT
/// @param dtype of weights and activations
/// @param textRows padded text length
public record CostEstimate(DitConfig config, Dtype dtype, int textRows) {
  /// Pixels on a side of one image token: 8 by the VAE times 2 by the patch.
  private static final int TOKEN_PIXELS = 16;

  public static long tokens(Size pixels) {
    return (long) (pixels.width() / TOKEN_PIXELS) * (pixels.height() / TOKEN_PIXELS);
  }

  /// Floating-point operations of one forward through all blocks.
  public double forwardFlops(Size pixels, int batch) {
    return (double) batch * config.blocks() * (linearFlops(pixels) + attentionFlops(pixels));
  }

  /// The same for forward and backward; frozen weights get no gradient.
  ///
  /// @param recompute whether every block runs forward a second time
  public double stepFlops(Size pixels, int batch, boolean recompute) {
    double forward = forwardFlops(pixels, batch);
    double backward =
        (double) batch * config.blocks() * (linearFlops(pixels) + 2.5 * attentionFlops(pixels));
    return forward + backward + (recompute ? forward : 0);
  }

  private double linearFlops(Size pixels) {
    double tokens = tokens(pixels);
    double c = config.channels();
    return 2 * tokens * (6 * c * c + 2 * c * config.hidden())
        + 4.0 * textRows * config.context() * c;
  }

  private double attentionFlops(Size pixels) {
    double tokens = tokens(pixels);
    return 4 * tokens * (tokens + textRows) * config.channels();
  }

  /// Bytes of the frozen weights, LLM adapter included.
  public long weightBytes() {
    return config.layout().elements() * dtype.bytes();
  }
}
