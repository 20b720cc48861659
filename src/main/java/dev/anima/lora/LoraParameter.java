package dev.anima.lora;

/// One of the two matrices of a LoRA module.
public record LoraParameter(LoraModule module, Half half) {

  public enum Half {
    /// A, `(rank, in)`.
    DOWN,
    /// B, `(out, rank)`; starts at zero.
    UP
  }

  /// Published tensor name, such as `lora_unet_blocks_0_mlp_layer1.lora_down.weight`.
  public String name() {
    return switch (half) {
      case DOWN -> module.name() + ".lora_down.weight";
      case UP -> module.name() + ".lora_up.weight";
    };
  }

  public long rows() {
    return switch (half) {
      case DOWN -> module.rank();
      case UP -> module.linear().out();
    };
  }

  public long columns() {
    return switch (half) {
      case DOWN -> module.linear().in();
      case UP -> module.rank();
    };
  }

  public long elements() {
    return rows() * columns();
  }
}
