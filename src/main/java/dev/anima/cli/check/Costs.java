package dev.anima.cli.check;

import dev.anima.config.CacheConfig.Store;
import dev.anima.config.MemoryConfig.Checkpointing;
import dev.anima.config.NetworkConfig.Trained;
import dev.anima.config.Size;
import dev.anima.config.TrainConfig;
import dev.anima.engine.Dtype;
import dev.anima.model.WeightStorage;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.Qwen3Config;
import dev.anima.train.CostEstimate;
import dev.anima.train.TrainSetup;
import dev.anima.train.optim.OptimizerConfig;
import dev.anima.train.plan.OptimizerMemory;
import java.util.List;

/// What a run needs, estimated from shapes: memory at the peak of a step, and arithmetic.
///
/// @param batches shapes of the micro-batches of an epoch
/// @param vaeParameters parameters of the VAE
record Costs(
    TrainConfig config,
    DitConfig dit,
    Qwen3Config qwen3,
    long vaeParameters,
    List<BatchShape> batches) {
  /// Rows the text is padded to before it enters the DiT.
  private static final int TEXT_ROWS = 512;

  /// Activations as wide as a state that autograd keeps of a Qwen3 layer: norms 4, projections and
  /// rotation 10, attention 3, MLP 12.
  private static final int TEXT_UNITS_PER_LAYER = 29;

  /// @param count micro-batches of this shape in an epoch
  record BatchShape(Size pixels, int images, int count) {}

  /// Memory at the peak of the costliest step.
  ///
  /// @param loraParameters trained parameters
  Preview.Memory memory(long loraParameters, OptimizerConfig optimizer) {
    CostEstimate estimate = estimate();
    boolean textLives =
        config.cache().text() == Store.NONE || config.network().trained() != Trained.DIT;
    long activations = 0;
    for (BatchShape batch : batches) {
      activations =
          Math.max(
              activations,
              estimate.activationBytes(batch.pixels(), batch.images(), recomputes())
                  + textActivations(batch.images()));
    }
    WeightStorage storage = TrainSetup.storage(config.precision());
    long dit = estimate.weightBytes(storage) - swapSaves(estimate, storage);
    long text = textLives ? qwen3.layout().elements() * dtype().bytes() : 0;
    long vae = config.cache().latents() == Store.NONE ? vaeParameters * dtype().bytes() : 0;
    long lora = CostEstimate.loraBytes(loraParameters, stateBytes(optimizer));
    return new Preview.Memory(
        dit + text + vae + activations + lora, dit, text, vae, activations, lora);
  }

  /// What is packed stays in memory on the CPU.
  private long swapSaves(CostEstimate estimate, WeightStorage storage) {
    boolean card = config.machine().device().startsWith("cuda");
    return storage == WeightStorage.COMPUTE || card
        ? estimate.swapSaves(storage, config.memory().blocksToSwap())
        : 0;
  }

  private long textActivations(int images) {
    boolean trained = config.network().trained() != Trained.DIT;
    return trained
        ? (long) images
            * config.models().qwen3MaxTokens()
            * qwen3.hidden()
            * qwen3.layers()
            * TEXT_UNITS_PER_LAYER
            * dtype().bytes()
        : 0;
  }

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

  /// Bytes of optimizer state for a parameter.
  static int stateBytes(OptimizerConfig optimizer) {
    return OptimizerMemory.bytesPerParameter(optimizer);
  }
}
