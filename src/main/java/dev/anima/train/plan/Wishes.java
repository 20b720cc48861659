package dev.anima.train.plan;

import dev.anima.model.block.SavePolicy;
import java.util.Optional;

/// What the user's memory flags leave to decide.
///
/// @param policy asked for by a checkpointing flag, for all blocks
/// @param policyFlag that flag, for messages
/// @param swapped `--blocks_to_swap`, 0 where it is not given: then so many as it takes
public record Wishes(Optional<SavePolicy> policy, String policyFlag, int swapped) {
  /// Everything is open.
  public static Wishes none() {
    return new Wishes(Optional.empty(), "", 0);
  }
}
