package dev.anima.train;

import dev.anima.config.MemoryConfig;
import dev.anima.model.block.SavePolicy;

/// Which way through the DiT a run takes. The numbers are the same but for rounding.
sealed interface PassKind {
  /// Autograd over everything.
  record Plain() implements PassKind {}

  /// Autograd over one block at a time, each computed twice.
  record Checkpointed() implements PassKind {}

  /// Blocks by hand.
  ///
  /// @param policy of every block
  record Explicit(SavePolicy policy) implements PassKind {}

  /// What the memory flags ask for.
  static PassKind of(MemoryConfig memory) {
    return new Explicit(
        switch (memory.checkpointing()) {
          case OFF -> SavePolicy.UNITS_13;
          case RECOMPUTE -> SavePolicy.INPUT_ONLY;
          case OFFLOAD -> SavePolicy.INPUT_ON_HOST;
        });
  }
}
