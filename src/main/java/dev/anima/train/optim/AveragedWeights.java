package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/// Shows the average in place of the weights that gradients are taken at, for schedule-free
/// optimizers. The weights are kept meanwhile and come back to the bit, so that a checkpoint
/// changes nothing (the packages compute them back, with rounding).
final class AveragedWeights implements AutoCloseable {
  private final FlatParameters parameters;
  private @Nullable Tensor kept;

  AveragedWeights(FlatParameters parameters) {
    this.parameters = parameters;
  }

  boolean areShown() {
    return kept != null;
  }

  /// @param slots that have an average
  /// @param fast iterate of the optimizer
  /// @param interpolation share of the average in the weights
  void show(BitSet slots, Tensor fast, double interpolation) {
    if (kept != null) {
      return;
    }
    try (NoGrad _ = new NoGrad();
        Scope _ = new Scope()) {
      Tensor values = parameters.values();
      kept = values.copy().retain();
      for (Run run : Run.of(parameters.layout(), slots)) {
        run.forEachChunk(
            values,
            chunk ->
                chunk
                    .of(values)
                    .copy_(parameters.open(chunk).lerp(chunk.of(fast), 1 - 1 / interpolation)));
      }
    }
  }

  void putBack() {
    Tensor weights = kept;
    if (weights != null) {
      try (NoGrad _ = new NoGrad()) {
        parameters.values().copy_(weights);
      }
      close();
    }
  }

  @Override
  public void close() {
    if (kept != null) {
      kept.close();
      kept = null;
    }
  }
}
