package dev.anima.model;

/// How exactly the rotary position tables are computed.
public enum RotaryPrecision {
  /// In float32, as the programs that use the model do. The default.
  FLOAT32,

  /// With the frequencies (Qwen3, LLM adapter) or exponents (DiT) rounded to the weights' dtype
  /// first. The reference trainer casts these buffers together with the weights, so in bf16 and
  /// fp16 it trains on slightly different positions; this reproduces it. No effect in float32.
  REFERENCE
}
