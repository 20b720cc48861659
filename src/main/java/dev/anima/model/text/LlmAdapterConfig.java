package dev.anima.model.text;

import dev.anima.model.ShapeReader;
import dev.anima.model.TensorLayout;

/// Widths of the LLM adapter, which lies in the DiT's file under `llm_adapter.`.
///
/// @param vocabulary rows of the T5 embedding (32128)
/// @param target width of embedding and output (1024)
/// @param model width inside (1024)
/// @param source width of the text encoder's states (1024)
/// @param hidden width of the MLP (4096)
/// @param layers number of blocks (6)
/// @param headSize channels of a head (64)
public record LlmAdapterConfig(
    int vocabulary, int target, int model, int source, int hidden, int layers, int headSize) {
  static final String PREFIX = "llm_adapter.";

  public static LlmAdapterConfig of(ShapeReader shapes) {
    String block = PREFIX + "blocks.0.";
    return new LlmAdapterConfig(
        shapes.size(PREFIX + "embed.weight", 0),
        shapes.size(PREFIX + "embed.weight", 1),
        shapes.size(block + "self_attn.q_proj.weight", 1),
        shapes.size(block + "cross_attn.k_proj.weight", 1),
        shapes.size(block + "mlp.0.weight", 0),
        shapes.count(PREFIX + "blocks."),
        shapes.size(block + "self_attn.q_norm.weight", 0));
  }

  /// Whether embeddings are projected to the inner width (not in the real model).
  boolean hasInputProjection() {
    return model != target;
  }

  public void addTo(TensorLayout layout) {
    layout.add(PREFIX + "embed.weight", vocabulary, target);
    if (hasInputProjection()) {
      layout.add(PREFIX + "in_proj.weight", model, target).add(PREFIX + "in_proj.bias", model);
    }
    for (int i = 0; i < layers; i++) {
      String block = PREFIX + "blocks." + i + ".";
      addAttention(layout, block + "self_attn.", model);
      addAttention(layout, block + "cross_attn.", source);
      layout
          .add(block + "norm_self_attn.weight", model)
          .add(block + "norm_cross_attn.weight", model)
          .add(block + "norm_mlp.weight", model)
          .add(block + "mlp.0.weight", hidden, model)
          .add(block + "mlp.0.bias", hidden)
          .add(block + "mlp.2.weight", model, hidden)
          .add(block + "mlp.2.bias", model);
    }
    layout
        .add(PREFIX + "out_proj.weight", target, model)
        .add(PREFIX + "out_proj.bias", target)
        .add(PREFIX + "norm.weight", target);
  }

  private void addAttention(TensorLayout layout, String prefix, int keyWidth) {
    layout
        .add(prefix + "q_proj.weight", model, model)
        .add(prefix + "k_proj.weight", model, keyWidth)
        .add(prefix + "v_proj.weight", model, keyWidth)
        .add(prefix + "o_proj.weight", model, model)
        .add(prefix + "q_norm.weight", headSize)
        .add(prefix + "k_norm.weight", headSize);
  }
}
