package dev.anima.lora;

/// The two networks that can carry LoRA modules, in the order in which the reference creates them.
public enum Network {
  /// Qwen3. Published names start with `lora_te_`.
  TEXT_ENCODER("lora_te"),
  /// The DiT, with the LLM adapter inside it. Published names start with `lora_unet_`.
  DIT("lora_unet");

  private final String prefix;

  Network(String prefix) {
    this.prefix = prefix;
  }

  /// The published name of the LoRA module on the layer `path`: prefix and path, joined by
  /// underscores.
  public String loraName(String path) {
    return prefix + "_" + path.replace('.', '_');
  }
}
