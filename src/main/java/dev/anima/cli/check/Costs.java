package dev.anima.cli.check;

import dev.anima.config.CacheConfig.Store;
import dev.anima.config.MemoryConfig.Checkpointing;
import dev.anima.config.NetworkConfig.Trained;
import dev.anima.config.Size;
import dev.anima.config.TrainConfig;
import dev.anima.engine.Dtype;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.Qwen3Config;
import dev.anima.train.CostEstimate;
import java.util.List;

/// The arithmetic a run needs, from shapes.
///
/// @param batches shapes of the micro-batches of an epoch
record Costs(TrainConfig config, DitConfig dit, Qwen3Config qwen3, List<BatchShape> batches) {
  /// Rows the text is padded to before it enters the DiT.
  private static final int TEXT_ROWS = 512;

  /// @param count micro-batches of this shape in an epoch
  record BatchShape(Size pixels, int images, int count) {}

  /// Floating-point operations of one epoch: forward and backward of the DiT, and of Qwen3 where it
  /// runs every step.
  double epochFlops() {
    CostEstimate estimate = estimate();
    double flops = 0;
    for (BatchShape batch : batches) {
      flops +=
          batch.count()
              * (estimate.stepFlops(batch.pixels(), batch.images(), recomputes())
                  + batch.images() * textFlops());
    }
    return flops;
  }

  private double textFlops() {
    double embedding = (double) qwen3.vocabulary() * qwen3.hidden();
    double forward =
        2.0 * config.models().qwen3MaxTokens() * (qwen3.layout().elements() - embedding);
    if (config.network().trained() != Trained.DIT) {
      return 2 * forward; // the frozen weights get no gradient
    }
    return config.cache().text() == Store.NONE ? forward : 0;
  }

  private CostEstimate estimate() {
    return new CostEstimate(dit, dtype(), TEXT_ROWS);
  }

  private boolean recomputes() {
    return config.memory().checkpointing() != Checkpointing.OFF;
  }

  /// What the models compute in.
  Dtype dtype() {
    return switch (config.precision().compute()) {
      case NO -> Dtype.F32;
      case FP16, BF16 -> Dtype.BF16;
    };
  }
}
