package dev.anima.train.plan;

import dev.anima.engine.ChunkedAttention;
import dev.anima.train.plan.Ledger.Held;
import java.util.List;

/// Books what [dev.anima.engine.AttentionKernel#best] allocates.
final class AttentionLedger {
  private static final long SCORES_AT_ONCE = ChunkedAttention.standard().scoresAtOnce();

  private final Ledger ledger;
  private final Arithmetic arithmetic;

  AttentionLedger(Ledger ledger, Arithmetic arithmetic) {
    this.ledger = ledger;
    this.arithmetic = arithmetic;
  }

  /// Sizes of one call: `L` queries and `K` keys in `N` heads of `d`.
  record Sizes(long batch, long heads, long queries, long keys, long headSize, long zeroKeys) {
    private long ofQueries() {
      return batch * queries * heads * headSize;
    }

    private long ofKeys() {
      return batch * keys * heads * headSize;
    }

    private long statistics() {
      return batch * heads * queries;
    }

    /// Queries worked on at a time.
    private long rows() {
      return Math.clamp(SCORES_AT_ONCE / keys, 1, queries);
    }

    /// Heads worked on at a time.
    private long together() {
      return Math.clamp(SCORES_AT_ONCE / (rows() * keys), 1, heads);
    }
  }

  private boolean inChunks() {
    return arithmetic.isCpu() && arithmetic.isReduced();
  }

  private Held logSumExp(Sizes sizes) {
    boolean none = inChunks() && sizes.zeroKeys == 0;
    return ledger.take("logsumexp", none ? 0 : sizes.statistics() * arithmetic.statisticBytes());
  }

  /// Output and logsumexp.
  List<Held> forward(Sizes sizes) {
    return ledger.keepAll(() -> {
      Held output = ledger.take("attended", sizes.ofQueries() * arithmetic.bytes());
      Held logSumExp = logSumExp(sizes);
      if (inChunks()) {
        forwardChunk(sizes);
      } else {
        fused(sizes);
      }
      return List.of(output, logSumExp);
    });
  }

  /// Gradients of query, key and value.
  List<Held> backward(Sizes sizes) {
    return ledger.keepAll(() -> {
      Held query = ledger.take("gradient of query", sizes.ofQueries() * arithmetic.bytes());
      Held key = ledger.take("gradient of key", sizes.ofKeys() * arithmetic.bytes());
      Held value = ledger.take("gradient of value", sizes.ofKeys() * arithmetic.bytes());
      if (inChunks()) {
        backwardChunk(sizes);
      } else {
        fused(sizes);
        if (!arithmetic.isCpu()) {
          fusedSums(sizes);
        }
      }
      return List.of(query, key, value);
    });
  }

  /// The zero keys' correction, and each thread's tile of scores on the CPU.
  private void fused(Sizes sizes) {
    ledger.scoped(() -> {
      arithmetic.tiles(ledger, sizes.queries, sizes.keys, sizes.headSize);
      if (sizes.zeroKeys > 0) {
        ledger.take("zero keys", 2 * sizes.statistics() * arithmetic.statisticBytes());
      }
    });
  }

  /// CUDA kernels sum the gradient of the queries in float32.
  private void fusedSums(Sizes sizes) {
    if (arithmetic.isReduced()) {
      ledger.brief("sum of gradients", sizes.ofQueries() * 4 + 2 * sizes.statistics() * 4);
    }
  }

  /// The first chunk of the first group; all others are as large or smaller.
  private void forwardChunk(Sizes sizes) {
    ledger.scoped(() -> {
      keysAndValues(sizes);
      long scores = sizes.together() * sizes.rows() * sizes.keys;
      ledger.take("scores", scores * arithmetic.bytes());
      ledger.brief("queries of a chunk", ofChunk(sizes));
      arithmetic.product(ledger, scores);
      if (sizes.zeroKeys == 0) {
        ledger.take("softmax", scores * arithmetic.bytes());
      } else {
        ledger.take("wide scores", scores * 4);
        ledger.brief("exponentials", scores * 4);
        shares(scores);
      }
      ledger.take("attended chunk", ofChunk(sizes));
      arithmetic.product(ledger, ofChunk(sizes));
    });
  }

  private void shares(long scores) {
    ledger.take("wide scores", scores * 4);
    ledger.take("differences", scores * 4);
    ledger.take("exponentials", scores * 4);
    ledger.take("softmax", scores * arithmetic.bytes());
  }

  private long ofChunk(Sizes sizes) {
    return sizes.together() * sizes.rows() * sizes.headSize * arithmetic.bytes();
  }

  private void keysAndValues(Sizes sizes) {
    if (sizes.heads > 1) { // one head lies together already
      ledger.take("keys", sizes.together() * sizes.keys * sizes.headSize * arithmetic.bytes());
      ledger.take("values", sizes.together() * sizes.keys * sizes.headSize * arithmetic.bytes());
    }
  }

  private void backwardChunk(Sizes sizes) {
    ledger.scoped(() -> {
      keysAndValues(sizes);
      boolean single = sizes.rows() >= sizes.queries;
      long ofKeys = sizes.together() * sizes.keys * sizes.headSize;
      if (!single) {
        ledger.take("sums over chunks", 2 * ofKeys * 4);
      }
      ledger.take("queries of a chunk", ofChunk(sizes));
      ledger.take("gradients of a chunk", ofChunk(sizes));
      long scores = sizes.together() * sizes.rows() * sizes.keys;
      Held ofScores = ledger.take("scores", scores * arithmetic.bytes());
      Held shares;
      if (sizes.zeroKeys == 0) {
        shares = ledger.take("softmax", scores * arithmetic.bytes());
      } else {
        ledger.take("wide scores", 3 * scores * 4);
        shares = ledger.take("softmax", scores * arithmetic.bytes());
      }
      sum(ofKeys, single);
      ofScores.close();
      Held gradShares = ledger.take("gradient of softmax", scores * arithmetic.bytes());
      ledger.take("gradient of scores", scores * arithmetic.bytes());
      gradShares.close();
      shares.close();
      sum(ofKeys, single);
      ledger.take("gradient of a chunk", ofChunk(sizes));
    });
  }

  private void sum(long ofKeys, boolean single) {
    ledger.take("sum of a chunk", ofKeys * arithmetic.bytes());
    if (!single) {
      ledger.brief("wide sum", ofKeys * 4);
    }
  }
}
