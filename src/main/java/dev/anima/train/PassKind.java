package dev.anima.train;

import dev.anima.config.MemoryConfig;
import dev.anima.model.block.SavePolicy;

/// Which way through the DiT a run takes. The numbers are the same but for rounding.
public sealed interface PassKind {
  /// Autograd over everything.
  record Plain() implements PassKind {}

  /// Autograd over one block at a time, each computed twice.
  record Checkpointed() implements PassKind {}

  /// Blocks by hand.
  ///
  /// @param mix policy and place of every block
  record Explicit(BlockMix mix) implements PassKind {}

  /// Blocks by hand, all under one policy and resident.
  static Explicit explicit(SavePolicy policy, int blocks) {
    return new Explicit(BlockMix.uniform(policy, blocks));
  }

  /// For tables: `autograd`, `autograd, recompute`, `explicit units_13`.
  default String description() {
    return switch (this) {
      case Plain() -> "autograd";
      case Checkpointed() -> "autograd, recompute";
      case Explicit(BlockMix mix) -> "explicit " + mix.description();
    };
  }

  /// What the memory flags ask for.
  ///
  /// @param blocks of the DiT
  static PassKind of(MemoryConfig memory, int blocks) {
    return explicit(
        switch (memory.checkpointing()) {
          case OFF -> SavePolicy.UNITS_13;
          case RECOMPUTE -> SavePolicy.INPUT_ONLY;
          case OFFLOAD -> SavePolicy.INPUT_ON_HOST;
        },
        blocks);
  }
}
