package dev.anima.train;

import dev.anima.model.block.SavePolicy;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// How the blocks of a DiT run: what each keeps from forward to backward, and whose weights wait
/// outside the device until they are needed.
///
/// @param policies one per block, from the first
/// @param swapped so many blocks, counted from the last, are streamed in before each use
public record BlockMix(List<SavePolicy> policies, int swapped) {
  public BlockMix {
    policies = List.copyOf(policies);
    if (swapped < 0 || swapped > policies.size()) {
      throw new IllegalArgumentException(
          "%d of %d blocks cannot be swapped".formatted(swapped, policies.size()));
    }
  }

  /// Every block alike, all weights resident.
  public static BlockMix uniform(SavePolicy policy, int blocks) {
    return new BlockMix(Collections.nCopies(blocks, policy), 0);
  }

  /// With so many blocks swapped.
  public BlockMix withSwapped(int blocks) {
    return new BlockMix(policies, blocks);
  }

  /// Whether block `index` waits outside.
  public boolean isSwapped(int index) {
    return index >= policies.size() - swapped;
  }

  /// For tables: `units_13`, `8 units_13 + 20 input_only, 10 swapped`.
  public String description() {
    String kept =
        policies.stream().distinct().count() == 1
            ? name(policies.getFirst())
            : policies.stream()
                .distinct()
                .map(policy -> Collections.frequency(policies, policy) + " " + name(policy))
                .collect(Collectors.joining(" + "));
    return swapped == 0 ? kept : kept + ", " + swapped + " swapped";
  }

  private static String name(SavePolicy policy) {
    return policy.name().toLowerCase(Locale.ROOT);
  }
}
