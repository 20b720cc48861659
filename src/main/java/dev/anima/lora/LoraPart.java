package dev.anima.lora;

import java.util.Arrays;
import java.util.Optional;

/// What one tensor of a module is, and how its name ends.
public enum LoraPart {
  /// LoRA's A, `(rank, in)`.
  DOWN("lora_down.weight", "lora_A.weight"),
  /// LoRA's B, `(out, rank)`; starts at zero.
  UP("lora_up.weight", "lora_B.weight"),
  /// LoHa, `(out, rank)`.
  HADA_W1_A("hada_w1_a"),
  /// LoHa, `(rank, in)`.
  HADA_W1_B("hada_w1_b"),
  /// LoHa, `(out, rank)`; starts at zero.
  HADA_W2_A("hada_w2_a"),
  /// LoHa, `(rank, in)`.
  HADA_W2_B("hada_w2_b"),
  /// LoKr's first factor.
  LOKR_W1("lokr_w1"),
  /// The first factor as a product: only in files of LyCORIS, with [#LOKR_W1_B].
  LOKR_W1_A("lokr_w1_a"),
  LOKR_W1_B("lokr_w1_b"),
  /// LoKr's second factor; starts at zero.
  LOKR_W2("lokr_w2"),
  /// The second factor as a product, `(out2, rank)`.
  LOKR_W2_A("lokr_w2_a"),
  /// `(rank, in2)`; starts at zero.
  LOKR_W2_B("lokr_w2_b"),
  /// DoRA's column lengths, `(1, in)`.
  MAGNITUDE("dora_scale"),
  /// The constant over the rank, a scalar.
  ALPHA("alpha");

  private final String suffix;
  private final String comfyuiSuffix;

  LoraPart(String suffix) {
    this(suffix, suffix);
  }

  LoraPart(String suffix, String comfyuiSuffix) {
    this.suffix = suffix;
    this.comfyuiSuffix = comfyuiSuffix;
  }

  /// End of a tensor's name in sd-scripts' files, behind the module's name and a dot.
  public String suffix() {
    return suffix;
  }

  String comfyuiSuffix() {
    return comfyuiSuffix;
  }

  /// Whether LoRA+ raises its learning rate.
  boolean isPlus() {
    return switch (this) {
      case UP, HADA_W2_A, LOKR_W1 -> true;
      default -> false;
    };
  }

  /// Whether its rows are as many as the module's rank.
  boolean hasRankRows() {
    return switch (this) {
      case DOWN, HADA_W1_B, LOKR_W2_B -> true;
      default -> false;
    };
  }

  static Optional<LoraPart> ofSuffix(String suffix) {
    return Arrays.stream(values()).filter(part -> part.suffix.equals(suffix)).findFirst();
  }
}
