package dev.anima.cli.bench;

import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.LlmAdapterConfig;
import dev.anima.model.text.Qwen3Config;

/// Widths of the published models; depth is the caller's.
final class FullSize {
  static final int DIT_BLOCKS = 28;
  static final int QWEN3_LAYERS = 28;

  /// The LLM adapter, whole.
  static final LlmAdapterConfig ADAPTER =
      new LlmAdapterConfig(32128, 1024, 1024, 1024, 4096, 6, 64);

  private FullSize() {}

  static DitConfig dit(int blocks) {
    return new DitConfig(2048, 16, 16, 128, blocks, 8192, 256, 1024, ADAPTER);
  }

  /// With fewer rows in the table of words, which are only looked up.
  static Qwen3Config qwen3(int layers) {
    return new Qwen3Config(4096, 1024, layers, 128, 16, 8, 3072, 1e6, 1e-6);
  }
}
