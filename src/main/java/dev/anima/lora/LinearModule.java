package dev.anima.lora;

/// A linear layer that can get a LoRA.
///
/// @param path dotted path inside its network, such as `blocks.0.self_attn.q_proj`
/// @param in width of its input
/// @param out width of its output
public record LinearModule(String path, int in, int out) {}
