/// Qwen3, LLM adapter, Anima DiT, Qwen-Image VAE, tokenizers: weights in, forward out. Knows
/// nothing of training, captions or datasets.
@NullMarked
package dev.anima.model;

import org.jspecify.annotations.NullMarked;
