package dev.anima.train;

import dev.anima.config.MemoryConfig;
import dev.anima.io.InputException;
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

  /// How many blocks, counted from the last, the model must be loaded with swapped.
  default int swapped() {
    return switch (this) {
      case Plain(), Checkpointed() -> 0;
      case Explicit(BlockMix mix) -> mix.swapped();
    };
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
  /// @throws InputException if more blocks are to be swapped than there are
  static PassKind of(MemoryConfig memory, int blocks) {
    checkSwap(memory, blocks);
    SavePolicy policy =
        switch (memory.checkpointing()) {
          case OFF -> SavePolicy.UNITS_13;
          case RECOMPUTE -> SavePolicy.INPUT_ONLY;
          case OFFLOAD -> SavePolicy.INPUT_ON_HOST;
        };
    return new Explicit(BlockMix.uniform(policy, blocks).withSwapped(memory.blocksToSwap()));
  }

  /// @param blocks of the DiT
  /// @throws InputException if more blocks are to be swapped than there are
  static void checkSwap(MemoryConfig memory, int blocks) {
    if (memory.blocksToSwap() > blocks) {
      throw new InputException(
          "--blocks_to_swap=%d: the DiT has only %d blocks\n  -> use %d to swap all of them"
              .formatted(memory.blocksToSwap(), blocks, blocks));
    }
  }
}
