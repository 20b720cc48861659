package dev.anima.config;

import static dev.anima.config.Checks.check;

import java.util.OptionalLong;

/// What a run gives up to need less memory; the numbers stay the same.
///
/// @param blocksToSwap DiT blocks, counted from the last, that wait outside the device until they
///   are used; 0 for none
/// @param limit bytes of `--max_memory`; empty for what is free
public record MemoryConfig(Checkpointing checkpointing, int blocksToSwap, OptionalLong limit) {
  /// What happens to a block's activations between forward and backward.
  public enum Checkpointing {
    /// Kept.
    OFF,
    /// Computed again from the block's input.
    RECOMPUTE,
    /// The same, with the kept inputs in main memory.
    OFFLOAD
  }

  public MemoryConfig {
    Checks.notNegative("blocks_to_swap", blocksToSwap);
    check(
        blocksToSwap == 0 || checkpointing != Checkpointing.OFFLOAD,
        "--blocks_to_swap cannot be used with --cpu_offload_checkpointing or"
            + " --unsloth_offload_checkpointing\n  -> drop one of them");
  }

  static MemoryConfig of(Flags flags) {
    boolean unsloth = flags.on("unsloth_offload_checkpointing");
    boolean plain = flags.on("gradient_checkpointing");
    boolean cpu = flags.on("cpu_offload_checkpointing");
    check(
        !unsloth || !cpu,
        "--unsloth_offload_checkpointing and --cpu_offload_checkpointing exclude each other\n"
            + "  -> drop one of them");
    Checkpointing checkpointing = plain ? Checkpointing.RECOMPUTE : Checkpointing.OFF;
    // Without --gradient_checkpointing the cpu flag alone has no effect, as in the reference.
    if (unsloth || (cpu && plain)) {
      checkpointing = Checkpointing.OFFLOAD;
    }
    return new MemoryConfig(
        checkpointing,
        flags.maybeInteger("blocks_to_swap").orElse(0),
        flags
            .text("max_memory")
            .map(text -> OptionalLong.of(MemorySize.parse("max_memory", text)))
            .orElse(OptionalLong.empty()));
  }
}
