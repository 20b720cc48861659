package dev.anima.train.plan;

import dev.anima.engine.Dtype;
import dev.anima.lora.Dropouts;
import dev.anima.lora.LoraModule;
import dev.anima.lora.Network;
import dev.anima.model.block.BlockLinear;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/// The adapters of one run as far as memory depends on them.
///
/// @param blocks rank beside each linear layer of each block
/// @param dropouts whose masks are kept
/// @param dtype of weights and gradients
/// @param around whether what lies around the blocks carries some
/// @param elements of all weights
/// @param trainable of those that have a gradient
public record LoraShape(
    List<Map<BlockLinear, Integer>> blocks,
    Dropouts dropouts,
    Dtype dtype,
    Around around,
    long elements,
    long trainable) {
  /// Whether the patch embedding, the timestep embedding and the final layer carry an adapter.
  public record Around(boolean patches, boolean timing, boolean finalLayer) {
    /// The usual case: only blocks do.
    public static final Around NONE = new Around(false, false, false);

    boolean embeddings() {
      return patches || timing;
    }
  }

  public LoraShape {
    blocks = List.copyOf(blocks);
  }

  /// Of the trained modules.
  ///
  /// @param blocks of the DiT
  /// @param trainable elements in groups with a learning rate
  public static LoraShape of(
      List<LoraModule> modules, int blocks, Dropouts dropouts, Dtype dtype, long trainable) {
    List<Map<BlockLinear, Integer>> ranks = new ArrayList<>();
    for (int i = 0; i < blocks; i++) {
      ranks.add(new EnumMap<>(BlockLinear.class));
    }
    long elements = 0;
    for (LoraModule module : modules) {
      elements += module.elements();
      if (module.network() == Network.DIT) {
        place(module, ranks);
      }
    }
    Around around =
        new Around(
            any(modules, "x_embedder."), any(modules, "t_embedder."), any(modules, "final_layer."));
    return new LoraShape(ranks, dropouts, dtype, around, elements, trainable);
  }

  private static boolean any(List<LoraModule> modules, String prefix) {
    return modules.stream()
        .anyMatch(module -> module.network() == Network.DIT && module.path().startsWith(prefix));
  }

  private static void place(LoraModule module, List<Map<BlockLinear, Integer>> ranks) {
    for (int i = 0; i < ranks.size(); i++) {
      String block = "blocks." + i + ".";
      if (module.path().startsWith(block)) {
        for (BlockLinear linear : BlockLinear.values()) {
          if (module.path().equals(block + linear.path())) {
            ranks.get(i).put(linear, module.rank());
          }
        }
      }
    }
  }

  /// Whether single rank activations are dropped: a mask of their size is kept.
  boolean masksElements() {
    double share = dropouts.element().orElse(0);
    return share > 0 && share < 1;
  }

  boolean masksRanks() {
    return dropouts.rank().isPresent();
  }

  /// The first block that backward reaches, the number of blocks if none.
  int lowestTrained() {
    OptionalInt first =
        IntStream.range(0, blocks.size()).filter(i -> !blocks.get(i).isEmpty()).findFirst();
    return around.embeddings() ? 0 : first.orElse(blocks.size());
  }

  /// Whether the modulation of a block trains, so that it is not part of the batched product.
  boolean trainsModulation(int block) {
    return blocks.get(block).keySet().stream().anyMatch(linear -> linear.path().contains("adaln"));
  }
}
