package dev.anima.train.plan;

import dev.anima.train.plan.Ledger.Held;

/// Operations as the models' plain forwards do them, without a graph: nothing is freed before the
/// scope around ends.
final class PlainLedger {
  private final Ledger ledger;
  private final Arithmetic arithmetic;
  private final int loraRank;
  private final boolean scaled;

  /// @param loraRank beside every linear layer, 0 for none
  /// @param scaled whether the LoRA's part is multiplied by something other than 1
  PlainLedger(Ledger ledger, Arithmetic arithmetic, int loraRank, boolean scaled) {
    this.scaled = scaled;
    this.ledger = ledger;
    this.arithmetic = arithmetic;
    this.loraRank = loraRank;
  }

  /// Elements in the dtype that computes.
  Held take(String name, long elements) {
    return ledger.take(name, elements * arithmetic.bytes());
  }

  /// Elements in float32 beside a reduced dtype; the tensor itself where it is float32 already.
  private void widened(String name, long elements) {
    if (arithmetic.isReduced()) {
      ledger.take(name, elements * Float.BYTES);
    }
  }

  private void wide(String name, long elements) {
    ledger.take(name, elements * arithmetic.statisticBytes());
  }

  /// [dev.anima.model.Rms]
  Held rms(long elements) {
    widened("norm", elements);
    wide("norm", 2 * elements); // squares and quotients
    if (arithmetic.isReduced()) {
      take("norm", elements);
    }
    return take("norm", elements);
  }

  /// [dev.anima.model.Linear] with its adapter.
  Held linear(long rows, long out) {
    Held output = take("output of a product", rows * out);
    arithmetic.product(ledger, rows * out);
    if (loraRank > 0) {
      take("rank activations", rows * loraRank);
      take("LoRA's part", rows * out * (scaled ? 2 : 1));
      return take("output of a product", rows * out);
    }
    return output;
  }

  /// [dev.anima.model.Rotary]
  void rotary(long elements) {
    take("rotation", elements / 2);
    take("rotation", 3 * elements);
  }

  /// [dev.anima.model.Attention#attend] over heads of `headSize`.
  ///
  /// @param queries elements, of `length` rows a sample
  /// @param keys elements, of `keyLength` rows a sample
  void attend(long queries, long length, long keys, long keyLength, long headSize) {
    if (arithmetic.copiesToWiden()) {
      ledger.take("wide queries, keys and values", (queries + 2 * keys) * Float.BYTES);
      ledger.take("attended", queries * Float.BYTES);
      take("attended", queries);
    } else {
      take("attended", queries);
    }
    arithmetic.tiles(ledger, length, keyLength, headSize);
  }

  /// `LN(x) (1 + scale) + shift`
  void modulatedNorm(long elements) {
    widened("norm", elements);
    wide("norm", 3 * elements);
    if (arithmetic.isReduced()) {
      take("norm", elements);
    }
  }
}
