package dev.anima.train;

import dev.anima.config.MemoryConfig;
import dev.anima.model.block.SavePolicy;
import java.util.Locale;

/// Which way through the DiT a run takes. The numbers are the same but for rounding.
public sealed interface PassKind {
  /// Autograd over everything.
  record Plain() implements PassKind {}

  /// Autograd over one block at a time, each computed twice.
  record Checkpointed() implements PassKind {}

  /// Blocks by hand.
  ///
  /// @param policy of every block
  record Explicit(SavePolicy policy) implements PassKind {}

  /// For tables: `autograd`, `autograd, recompute`, `explicit units_13`.
  default String description() {
    return switch (this) {
      case Plain() -> "autograd";
      case Checkpointed() -> "autograd, recompute";
      case Explicit(SavePolicy policy) -> "explicit " + policy.name().toLowerCase(Locale.ROOT);
    };
  }

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
