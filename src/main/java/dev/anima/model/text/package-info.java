/// From a caption to the DiT's context: both tokenizers, the Qwen3 encoder, the LLM adapter.
@NullMarked
package dev.anima.model.text;

import org.jspecify.annotations.NullMarked;
