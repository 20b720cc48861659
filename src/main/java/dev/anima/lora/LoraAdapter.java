package dev.anima.lora;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import dev.anima.lora.LoraParameter.Half;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// One LoRA module with its numbers: `output + scale * up(down(input))`. Owned by a [LoraSet].
public final class LoraAdapter {
  private final LoraModule module;
  private final Tensor down;
  private final Tensor up;
  private final @Nullable Tensor downGradient;
  private final @Nullable Tensor upGradient;
  private double alpha;
  private double scale;
  private boolean tookPart;

  /// The tensors are views of the set's flat buffers; a null gradient means frozen.
  LoraAdapter(
      LoraModule module,
      Tensor down,
      Tensor up,
      @Nullable Tensor downGradient,
      @Nullable Tensor upGradient) {
    this.module = module;
    this.down = down;
    this.up = up;
    this.downGradient = downGradient;
    this.upGradient = upGradient;
    this.alpha = module.alpha();
    this.scale = module.scale();
  }

  public LoraModule module() {
    return module;
  }

  /// A, `(rank, in)`: a leaf of the autograd graph over the set's weights.
  public Tensor down() {
    return down;
  }

  /// B, `(out, rank)`: likewise.
  public Tensor up() {
    return up;
  }

  Tensor weight(Half half) {
    return switch (half) {
      case DOWN -> down;
      case UP -> up;
    };
  }

  /// Where the gradient of one matrix is summed, or null if it is frozen. `backward` on a graph
  /// adds there by itself; a hand-written backward adds in place.
  public @Nullable Tensor gradient(Half half) {
    return switch (half) {
      case DOWN -> downGradient;
      case UP -> upGradient;
    };
  }

  /// The constant that is saved with the module.
  public double alpha() {
    return alpha;
  }

  /// Factor on the module's output, usually `alpha / rank`.
  public double scale() {
    return scale;
  }

  /// Takes over the alpha of a file. The reference keeps the old scale then: `alsoScale` false.
  void replaceAlpha(double fileAlpha, boolean alsoScale) {
    alpha = fileAlpha;
    if (alsoScale) {
      scale = fileAlpha / module.rank();
    }
  }

  /// Whether a training forward has used this module since the gradients were last cleared. Without
  /// that it has no gradient, which is not the same as a gradient of 0: optimizers leave it alone.
  public boolean tookPart() {
    return tookPart;
  }

  /// For a hand-written forward; [#train] does it itself.
  public void markTookPart() {
    tookPart = true;
  }

  void clearTookPart() {
    tookPart = false;
  }

  /// Training forward (spec/models.md §5.2). Draws, in this order and only where the dropout is
  /// set: module, elements, ranks.
  ///
  /// @param input `(B, ..., in)`
  /// @param output `(B, ..., out)` of the layer itself; its dtype is the one computed in
  Tensor train(Tensor input, Tensor output, Dropouts dropouts, LoraDraws draws) {
    if (dropouts.module().isPresent() && draws.module() < (float) dropouts.module().getAsDouble()) {
      return output;
    }
    tookPart = true;
    Dtype compute = output.dtype();
    Tensor low = Ops.linear(input.to(compute), down.to(compute)); // (B, ..., rank)
    if (dropouts.element().isPresent()) {
      low = low.mul(draws.element(low, dropouts.element().getAsDouble()));
    }
    double factor = scale;
    if (dropouts.rank().isPresent()) {
      double probability = dropouts.rank().getAsDouble();
      Tensor draw = draws.rank(low.size(0), module.rank(), low.device()); // (B, rank)
      low = low.mul(draw.gt(probability).view(perSample(low)));
      factor = scale * (1.0 / (1.0 - probability));
    }
    return added(output, low, factor);
  }

  /// Forward without any dropout.
  ///
  /// @param strength the multiplier users give a LoRA, 1 for as trained
  Tensor evaluate(Tensor input, Tensor output, double strength) {
    Dtype compute = output.dtype();
    return added(output, Ops.linear(input.to(compute), down.to(compute)), scale * strength);
  }

  private Tensor added(Tensor output, Tensor low, double factor) {
    Tensor delta = Ops.linear(low, up.to(low.dtype()));
    // Not add(delta, factor): in 16 bit the reference rounds the product before it adds.
    return output.add(factor == 1 ? delta : delta.mul(factor));
  }

  /// `(B, 1, ..., 1, rank)`: one mask per sample, whatever lies between (the rule of 0.11.1;
  /// before, the reference failed on the image tokens of a batch).
  private long[] perSample(Tensor low) {
    long[] shape = new long[low.dim()];
    Arrays.fill(shape, 1);
    shape[0] = low.size(0);
    shape[shape.length - 1] = module.rank();
    return shape;
  }
}
