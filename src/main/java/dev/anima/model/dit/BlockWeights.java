package dev.anima.model.dit;

import dev.anima.engine.Tensor;
import dev.anima.model.LayerStream;
import dev.anima.model.Linear;
import dev.anima.model.Weights;
import java.util.function.Function;
import java.util.regex.Pattern;

/// The 20 weights of one DiT block. `c` width, `x` text width, `f` MLP width, `a` bottleneck, `d`
/// head size.
public record BlockWeights(
    AttentionWeights selfAttention,
    AttentionWeights crossAttention,
    MlpWeights mlp,
    ModulationWeights selfModulation,
    ModulationWeights crossModulation,
    ModulationWeights mlpModulation) {
  private static final Pattern PACKABLE =
      Pattern.compile("blocks\\.\\d+\\.(self_attn|cross_attn|mlp)\\.(\\w+_proj|layer\\d)\\.weight");

  /// @param q `(c, c)`
  /// @param k `(c, c)`, or `(c, x)` for the text
  /// @param v as k
  /// @param output `(c, c)`
  /// @param qNorm `(d)`, shared by all heads
  /// @param kNorm `(d)`
  public record AttentionWeights(
      Linear q, Linear k, Linear v, Linear output, Tensor qNorm, Tensor kNorm) {
    /// @param matrices gives the layer of a name inside the block
    static AttentionWeights load(
        Weights weights, String block, Function<String, Linear> matrices, String name) {
      return new AttentionWeights(
          matrices.apply(name + ".q_proj"),
          matrices.apply(name + ".k_proj"),
          matrices.apply(name + ".v_proj"),
          matrices.apply(name + ".output_proj"),
          weights.tensor(block + name + ".q_norm.weight"),
          weights.tensor(block + name + ".k_norm.weight"));
    }

    AttentionWeights copied() {
      return new AttentionWeights(
          q.copied(), k.copied(), v.copied(), output.copied(), qNorm, kNorm);
    }

    long headSize() {
      return qNorm.size(0);
    }
  }

  /// @param layer1 `(f, c)`
  /// @param layer2 `(c, f)`
  public record MlpWeights(Linear layer1, Linear layer2) {
    /// @param matrices gives the layer of a name inside the block
    static MlpWeights load(Function<String, Linear> matrices, String name) {
      return new MlpWeights(matrices.apply(name + ".layer1"), matrices.apply(name + ".layer2"));
    }

    MlpWeights copied() {
      return new MlpWeights(layer1.copied(), layer2.copied());
    }
  }

  /// @param down `(a, c)`
  /// @param up `(3c, a)`, or `(2c, a)` in the final layer
  public record ModulationWeights(Linear down, Linear up) {
    static ModulationWeights load(Weights weights, String module) {
      return new ModulationWeights(weights.linear(module + ".1"), weights.linear(module + ".2"));
    }
  }

  /// Whether the DiT's tensor `name` may be kept in a [dev.anima.model.WeightStorage] of 8 bits:
  /// attention and MLP matrices of the blocks.
  public static boolean isPackable(String name) {
    return PACKABLE.matcher(name).matches();
  }

  /// @param stream where the [#isPackable] matrices of a waiting block are brought to
  static BlockWeights load(Weights weights, int index, LayerStream stream) {
    String block = "blocks." + index + ".";
    Function<String, Linear> matrices =
        stream.has(index)
            ? name -> weights.waiting(block + name, stream, index, name)
            : name -> weights.packable(block + name);
    return new BlockWeights(
        AttentionWeights.load(weights, block, matrices, "self_attn"),
        AttentionWeights.load(weights, block, matrices, "cross_attn"),
        MlpWeights.load(matrices, "mlp"),
        ModulationWeights.load(weights, block + "adaln_modulation_self_attn"),
        ModulationWeights.load(weights, block + "adaln_modulation_cross_attn"),
        ModulationWeights.load(weights, block + "adaln_modulation_mlp"));
  }

  /// The same with copies of the [#isPackable] matrices, in the caller's scope: a graph may hold
  /// them.
  BlockWeights copied() {
    return new BlockWeights(
        selfAttention.copied(),
        crossAttention.copied(),
        mlp.copied(),
        selfModulation,
        crossModulation,
        mlpModulation);
  }
}
