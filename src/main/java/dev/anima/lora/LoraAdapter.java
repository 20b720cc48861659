package dev.anima.lora;

import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix;
import dev.anima.model.Linear;
import dev.anima.model.change.Factor;
import dev.anima.model.change.Hadamard;
import dev.anima.model.change.Kronecker;
import dev.anima.model.change.LowRank;
import dev.anima.model.change.Magnitude;
import dev.anima.model.change.WeightChange;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// One module with its numbers: `output + scale * input ΔWᵀ`. Owned by a [LoraSet].
public final class LoraAdapter {
  private final LoraModule module;
  private final Map<LoraPart, Factor> factors;
  private final WeightChange change;
  private double alpha;
  private double scale;
  private boolean tookPart;
  private boolean lengthsKnown;

  /// @param factors views of the set's flat buffers; without a gradient means frozen
  LoraAdapter(LoraModule module, Map<LoraPart, Factor> factors) {
    this.module = module;
    this.factors = Map.copyOf(factors);
    this.change =
        switch (module.form()) {
          case LoraForm.LowRank() -> new LowRank(weight(LoraPart.DOWN), weight(LoraPart.UP));
          case LoraForm.Hadamard() ->
              new Hadamard(
                  factor(LoraPart.HADA_W1_A),
                  factor(LoraPart.HADA_W1_B),
                  factor(LoraPart.HADA_W2_A),
                  factor(LoraPart.HADA_W2_B));
          case LoraForm.Kronecker form ->
              new Kronecker(
                  factor(LoraPart.LOKR_W1),
                  form.whole()
                      ? List.of(factor(LoraPart.LOKR_W2))
                      : List.of(factor(LoraPart.LOKR_W2_A), factor(LoraPart.LOKR_W2_B)));
        };
    this.alpha = module.alpha();
    this.scale = module.scale();
  }

  public LoraModule module() {
    return module;
  }

  /// LoRA's A, `(rank, in)`: a leaf of the autograd graph over the set's weights.
  public Tensor down() {
    return weight(LoraPart.DOWN);
  }

  /// LoRA's B, `(out, rank)`: likewise.
  public Tensor up() {
    return weight(LoraPart.UP);
  }

  /// One matrix: a leaf of the autograd graph over the set's weights.
  ///
  /// @throws IllegalArgumentException if the module has no such part
  public Tensor weight(LoraPart part) {
    return factor(part).value();
  }

  /// Where the gradient of one matrix is summed, or null if it is frozen. `backward` on a graph
  /// adds there by itself; a hand-written backward adds in place.
  public @Nullable Tensor gradient(LoraPart part) {
    return factor(part).gradient();
  }

  private Factor factor(LoraPart part) {
    Factor factor = factors.get(part);
    if (factor == null) {
      throw new IllegalArgumentException(module.name() + " has no " + part.suffix());
    }
    return factor;
  }

  /// `ΔW` over the set's weights.
  public WeightChange change() {
    return change;
  }

  /// DoRA's column lengths, at the present scale; null for a module without them.
  public @Nullable Magnitude magnitude() {
    Factor lengths = factors.get(LoraPart.MAGNITUDE);
    return lengths == null ? null : new Magnitude(lengths, change, scale);
  }

  /// Whether DoRA's lengths have their first values, from the base model or from a file.
  boolean lengthsKnown() {
    return lengthsKnown;
  }

  void markLengthsKnown() {
    lengthsKnown = true;
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
      scale = module.scale(fileAlpha);
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
  /// set: module, elements, ranks (LoHa and LoKr: module, rows).
  ///
  /// @param layer the frozen layer; only DoRA looks at it
  /// @param input `(B, ..., in)`
  /// @param output `(B, ..., out)` of the layer itself; its dtype is the one computed in
  Tensor train(
      @Nullable Linear layer, Tensor input, Tensor output, Dropouts dropouts, LoraDraws draws) {
    if (dropouts.module().isPresent() && draws.module() < (float) dropouts.module().getAsDouble()) {
      return output;
    }
    tookPart = true;
    Tensor x = input.to(output.dtype());
    Magnitude magnitude = magnitude();
    if (magnitude == null) {
      return trainChange(x, output, dropouts, draws);
    }
    FrozenMatrix weight = weightOf(layer);
    Tensor gain = gain(magnitude, weight);
    return trainChange(
        x.mul(gain.to(x.dtype())), withOwn(weight, x, gain, output), dropouts, draws);
  }

  private Tensor trainChange(Tensor x, Tensor output, Dropouts dropouts, LoraDraws draws) {
    return switch (change) {
      case LowRank pair -> trainPair(pair, x, output, dropouts, draws);
      case Hadamard _, Kronecker _ -> trainRows(x, output, dropouts, draws);
    };
  }

  private Tensor trainPair(
      LowRank pair, Tensor x, Tensor output, Dropouts dropouts, LoraDraws draws) {
    Tensor low = Ops.linear(x, pair.down().to(x.dtype())); // (B, ..., rank)
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
    return added(output, Ops.linear(low, pair.up().to(low.dtype())), factor);
  }

  private Tensor trainRows(Tensor x, Tensor output, Dropouts dropouts, LoraDraws draws) {
    Tensor delta = change.apply(x);
    double factor = scale;
    if (dropouts.rank().isPresent()) {
      double probability = dropouts.rank().getAsDouble();
      Tensor draw = draws.rows(module.linear().out(), x.device()); // (out)
      delta = delta.mul(draw.gt(probability));
      factor = scale * (1.0 / (1.0 - probability));
    }
    return added(output, delta, factor);
  }

  /// Forward without any dropout.
  ///
  /// @param layer the frozen layer; only DoRA looks at it
  /// @param strength the multiplier users give a LoRA, 1 for as trained
  Tensor evaluate(@Nullable Linear layer, Tensor input, Tensor output, double strength) {
    Tensor x = input.to(output.dtype());
    Magnitude magnitude = magnitude();
    if (magnitude == null) {
      return added(output, change.apply(x), scale * strength);
    }
    FrozenMatrix weight = weightOf(layer);
    Tensor gain = gain(magnitude, weight);
    Tensor own = withOwn(weight, x.mul(strength), gain, output);
    return added(own, change.apply(x.mul(gain.to(x.dtype()))), scale * strength);
  }

  private FrozenMatrix weightOf(@Nullable Linear layer) {
    if (layer == null) {
      throw new IllegalStateException(module.name() + " needs the weight of its layer");
    }
    return layer.weight();
  }

  private static Tensor gain(Magnitude magnitude, FrozenMatrix weight) {
    return magnitude.gain(magnitude.columnLengths(weight));
  }

  /// `output + W ((c - 1) ∘ x)`: DoRA's part of the frozen weight.
  private static Tensor withOwn(FrozenMatrix weight, Tensor x, Tensor gain, Tensor output) {
    Tensor more = x.mul(gain.sub(1).to(x.dtype()));
    return output.add(Ops.linear(more, weight.in(x.dtype())));
  }

  private static Tensor added(Tensor output, Tensor delta, double factor) {
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
