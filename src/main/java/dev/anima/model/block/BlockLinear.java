package dev.anima.model.block;

/// The linear layers of one DiT block, in the order of the checkpoint's module tree.
public enum BlockLinear {
  SELF_QUERY("self_attn.q_proj"),
  SELF_KEY("self_attn.k_proj"),
  SELF_VALUE("self_attn.v_proj"),
  SELF_OUTPUT("self_attn.output_proj"),
  CROSS_QUERY("cross_attn.q_proj"),
  CROSS_KEY("cross_attn.k_proj"),
  CROSS_VALUE("cross_attn.v_proj"),
  CROSS_OUTPUT("cross_attn.output_proj"),
  MLP_UP("mlp.layer1"),
  MLP_DOWN("mlp.layer2"),
  SELF_MODULATION_DOWN("adaln_modulation_self_attn.1"),
  SELF_MODULATION_UP("adaln_modulation_self_attn.2"),
  CROSS_MODULATION_DOWN("adaln_modulation_cross_attn.1"),
  CROSS_MODULATION_UP("adaln_modulation_cross_attn.2"),
  MLP_MODULATION_DOWN("adaln_modulation_mlp.1"),
  MLP_MODULATION_UP("adaln_modulation_mlp.2");

  private final String path;

  BlockLinear(String path) {
    this.path = path;
  }

  /// Path inside the block, such as `self_attn.q_proj`.
  public String path() {
    return path;
  }
}
