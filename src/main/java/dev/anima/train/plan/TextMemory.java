package dev.anima.train.plan;

import dev.anima.model.text.LlmAdapterConfig;
import dev.anima.model.text.Qwen3Config;
import dev.anima.train.plan.Ledger.Held;

/// What captions take on their way through Qwen3 and the LLM adapter, beside the weights.
///
/// @param loraRank beside the layers of Qwen3, 0 for none
public record TextMemory(
    Qwen3Config qwen3, LlmAdapterConfig adapter, Arithmetic arithmetic, int loraRank) {

  /// Rows of a text model's table of positions.
  static final int POSITIONS = 512;

  /// Cosines and sines of Qwen3's positions.
  long positionBytes() {
    return 2L * POSITIONS * qwen3.headSize() * arithmetic.bytes();
  }

  /// Captions through Qwen3 together, without a graph.
  ///
  /// @param tokens of the longest
  /// @param padded to which the result is padded
  public Peak encoding(int captions, long tokens, long padded) {
    return Ledger.peak(ledger -> {
      ledger.moment("encoding %d captions of up to %d tokens".formatted(captions, tokens));
      encode(ledger, captions, tokens, padded);
    });
  }

  private void encode(Ledger ledger, long captions, long tokens, long padded) {
    PlainLedger plain = new PlainLedger(ledger, arithmetic, loraRank, true);
    long rows = captions * tokens;
    long width = qwen3.hidden();
    ledger.take("mask", tokens * tokens * (Long.BYTES + 1) + captions * tokens * tokens);
    Held h = plain.take("states", rows * width);
    for (int i = 0; i < qwen3.layers(); i++) {
      Held before = h;
      h = ledger.keep(() -> layer(ledger, plain, captions, tokens));
      before.close();
    }
    plain.rms(rows * width);
    plain.take("states", rows * width + captions * padded * width);
  }

  private Held layer(Ledger ledger, PlainLedger plain, long captions, long tokens) {
    long rows = captions * tokens;
    long width = qwen3.hidden();
    long queries = (long) qwen3.heads() * qwen3.headSize();
    long keys = (long) qwen3.keyHeads() * qwen3.headSize();
    plain.rms(rows * width);
    plain.linear(rows, queries);
    plain.linear(rows, keys);
    plain.linear(rows, keys);
    plain.rms(rows * queries);
    plain.rotary(rows * queries);
    plain.rms(rows * keys);
    plain.rotary(rows * keys);
    plain.take("shared keys and values", 2 * rows * queries);
    Held mask = ledger.take("mask of scores", captions * tokens * tokens * Float.BYTES);
    plain.attend(rows * queries, tokens, rows * queries, tokens, qwen3.headSize());
    mask.close();
    plain.linear(rows, width);
    plain.take("states", rows * width);
    plain.rms(rows * width);
    plain.linear(rows, qwen3.intermediate());
    plain.take("SiLU", rows * qwen3.intermediate());
    plain.linear(rows, qwen3.intermediate());
    plain.take("gated", rows * qwen3.intermediate());
    plain.linear(rows, width);
    return plain.take("states", rows * width);
  }

  /// Bytes that the graph of Qwen3 with a LoRA keeps from its forward to its backward, which is
  /// through the whole step of the DiT: for each layer the inputs of norms, of adapters and of the
  /// attention, its mask, and the MLP's factors.
  ///
  /// @param tokens of the longest caption
  public long qwen3Graph(long captions, long tokens) {
    long width = qwen3.hidden();
    long queries = (long) qwen3.heads() * qwen3.headSize();
    long keys = (long) qwen3.keyHeads() * qwen3.headSize();
    long norms = (2 * width + queries + keys) * wide();
    long adapters = (2 * width + 7L * loraRank) * arithmetic.bytes();
    long joined = arithmetic.copiesToWiden() ? queries * arithmetic.bytes() : 0;
    long attention = 4 * queries * ofAttention() + (long) qwen3.heads() * Float.BYTES;
    long mlp = 4L * qwen3.intermediate() * arithmetic.bytes();
    long mask = tokens * ofAttention();
    return qwen3.layers()
        * captions
        * tokens
        * (norms + adapters + joined + attention + mlp + mask);
  }

  /// The same for the LLM adapter behind it, whose own layers carry none: inputs of norms and of
  /// the attentions, and the GELU's.
  ///
  /// @param rows T5 tokens of all captions together
  /// @param sourceRows Qwen3 tokens of all captions together
  public long adapterGraph(long rows, long sourceRows) {
    long width = adapter.model();
    long target =
        5 * width * wide()
            + 6 * width * ofAttention()
            + adapter.hidden() * (long) arithmetic.bytes();
    long source = width * wide() + 2 * width * ofAttention();
    return adapter.layers() * (rows * target + sourceRows * source);
  }

  /// Bytes of an element in a norm.
  private long wide() {
    return arithmetic.statisticBytes();
  }

  /// Bytes of an element inside the attention.
  private long ofAttention() {
    return arithmetic.copiesToWiden() ? Float.BYTES : arithmetic.bytes();
  }
}
