package dev.anima.train;

import dev.anima.config.Size;
import dev.anima.engine.Dtype;
import dev.anima.model.WeightStorage;
import dev.anima.model.dit.BlockWeights;
import dev.anima.model.dit.DitConfig;
import java.util.List;
import java.util.Map;

/// What a step costs, from shapes alone: arithmetic and memory. Nothing is loaded.
///
/// Letters: `L` image tokens, `T` text rows, `c` width, `f` MLP width, `x` text width.
///
/// @param config of the DiT
/// @param dtype of weights and activations
/// @param textRows padded text length
public record CostEstimate(DitConfig config, Dtype dtype, int textRows) {
  /// Pixels on a side of one image token: 8 by the VAE times 2 by the patch.
  private static final int TOKEN_PIXELS = 16;

  /// Activations of size `L x c` that autograd keeps of one block (attention 9, norms and
  /// modulation 14, residuals 6, MLP 4 f/c and more), counted on the CPU build.
  private static final int UNITS_PER_BLOCK = 34;

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

  /// As above with the blocks kept in `storage`, the row scales and the buffer for the block that
  /// runs included.
  public long weightBytes(WeightStorage storage) {
    if (storage == WeightStorage.COMPUTE) {
      return weightBytes();
    }
    Matrices matrices = matrices();
    long kept = config.layout().elements() - matrices.elements;
    long staging = matrices.elements / config.blocks();
    return matrices.elements + (kept + matrices.rows + staging) * dtype.bytes();
  }

  /// How much less of [#weightBytes] is on the device when `swapped` blocks wait outside; two of
  /// them are there at any time.
  public long swapSaves(WeightStorage storage, int swapped) {
    Matrices matrices = matrices();
    long all =
        storage == WeightStorage.COMPUTE
            ? matrices.elements * dtype.bytes()
            : matrices.elements + matrices.rows * dtype.bytes();
    return all / config.blocks() * Math.max(0, swapped - 2);
  }

  /// The matrices of all blocks that can be packed and swapped.
  private record Matrices(long elements, long rows) {}

  private Matrices matrices() {
    long elements = 0;
    long rows = 0;
    for (Map.Entry<String, List<Long>> tensor : config.layout().expected().entrySet()) {
      if (BlockWeights.isPackable(tensor.getKey())) {
        List<Long> shape = tensor.getValue();
        elements += shape.getFirst() * shape.getLast();
        rows += shape.getFirst();
      }
    }
    return new Matrices(elements, rows);
  }

  /// Bytes of activations alive at the peak of a step.
  public long activationBytes(Size pixels, int batch, boolean recompute) {
    long unit = tokens(pixels) * batch * config.channels() * dtype.bytes();
    long whole = unit * UNITS_PER_BLOCK;
    return recompute ? whole + unit * config.blocks() : whole * config.blocks();
  }

  /// Bytes of the LoRA while training: weights and gradients in float32, and the optimizer's state.
  ///
  /// @param stateBytesPerParameter 8 for AdamW, 2 for its 8-bit form
  public static long loraBytes(long parameters, int stateBytesPerParameter) {
    return parameters * (8 + stateBytesPerParameter);
  }
}
