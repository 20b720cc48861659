package dev.anima.train.plan;

import dev.anima.model.block.SavePolicy;
import dev.anima.model.dit.DitConfig;
import java.util.List;

/// What training steps take beside the weights.
///
/// @param textTrains whether the text encoder or the LLM adapter carries a LoRA
public record StepMemory(
    DitConfig dit,
    Arithmetic arithmetic,
    LoraShape loras,
    OptimizerMemory optimizer,
    boolean textTrains) {

  /// The most that one micro-batch and an update take, LoRA and optimizer state not counted.
  ///
  /// @param policies of the blocks
  public Peak peak(StepShape shape, List<SavePolicy> policies) {
    return Ledger.peak(ledger -> play(ledger, shape, policies));
  }

  /// The same, its size only.
  public long peakBytes(StepShape shape, List<SavePolicy> policies) {
    return Ledger.peakBytes(ledger -> play(ledger, shape, policies));
  }

  void play(Ledger ledger, StepShape shape, List<SavePolicy> policies) {
    StepLedger step = new StepLedger(ledger, arithmetic, dit, loras);
    step.microBatch(shape, policies, textTrains);
    step.update(optimizer);
  }

  /// Bytes that one block keeps from forward to backward.
  long savedBytes(StepShape shape, SavePolicy policy) {
    return Ledger.leftBytes(ledger -> {
      BlockLedger block = new BlockLedger(ledger, arithmetic, dit, shape, loras, dit.blocks() - 1);
      long unit = shape.batch() * shape.tokens() * dit.channels() * (long) arithmetic.streamBytes();
      block.forward(ledger.take("input", unit), new SavedLedger(policy));
    });
  }
}
