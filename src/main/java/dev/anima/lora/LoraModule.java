package dev.anima.lora;

/// One LoRA: a low-rank pair beside one linear layer. Only its description; the numbers are in
/// [LoraSet].
///
/// @param rank inner size, at least 1
/// @param alpha the published constant; the pair's output is scaled by `alpha / rank`
public record LoraModule(Network network, LinearModule linear, int rank, double alpha) {

  /// Published name, such as `lora_unet_blocks_0_self_attn_q_proj`.
  public String name() {
    return network.loraName(linear.path());
  }

  public String path() {
    return linear.path();
  }

  public double scale() {
    return alpha / rank;
  }
}
