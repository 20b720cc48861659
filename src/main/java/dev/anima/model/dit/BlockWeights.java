package dev.anima.model.dit;

import dev.anima.engine.Tensor;
import dev.anima.model.Linear;
import dev.anima.model.Weights;
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
    static AttentionWeights load(Weights weights, String module) {
      return new AttentionWeights(
          weights.packable(module + ".q_proj"),
          weights.packable(module + ".k_proj"),
          weights.packable(module + ".v_proj"),
          weights.packable(module + ".output_proj"),
          weights.tensor(module + ".q_norm.weight"),
          weights.tensor(module + ".k_norm.weight"));
    }

    long headSize() {
      return qNorm.size(0);
    }
  }

  /// @param layer1 `(f, c)`
  /// @param layer2 `(c, f)`
  public record MlpWeights(Linear layer1, Linear layer2) {
    static MlpWeights load(Weights weights, String module) {
      return new MlpWeights(
          weights.packable(module + ".layer1"), weights.packable(module + ".layer2"));
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

  static BlockWeights load(Weights weights, int index) {
    String block = "blocks." + index + ".";
    return new BlockWeights(
        AttentionWeights.load(weights, block + "self_attn"),
        AttentionWeights.load(weights, block + "cross_attn"),
        MlpWeights.load(weights, block + "mlp"),
        ModulationWeights.load(weights, block + "adaln_modulation_self_attn"),
        ModulationWeights.load(weights, block + "adaln_modulation_cross_attn"),
        ModulationWeights.load(weights, block + "adaln_modulation_mlp"));
  }
}
