package dev.anima.lora;

import dev.anima.lora.LoraForm.Matrix;

/// One trained matrix of a module.
public record LoraParameter(LoraModule module, Matrix matrix) {

  public LoraPart part() {
    return matrix.part();
  }

  /// Published tensor name, such as `lora_unet_blocks_0_mlp_layer1.lora_down.weight`.
  public String name() {
    return module.name() + "." + part().suffix();
  }

  public long rows() {
    return matrix.rows();
  }

  public long columns() {
    return matrix.columns();
  }

  public long elements() {
    return rows() * columns();
  }
}
