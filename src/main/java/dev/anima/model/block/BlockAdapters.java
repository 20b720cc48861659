package dev.anima.model.block;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// The adapters of one block: any number beside each linear layer.
public record BlockAdapters(Map<BlockLinear, List<LinearAdapter>> byLinear) {
  /// The plain block.
  public static final BlockAdapters NONE =
      new BlockAdapters(new EnumMap<BlockLinear, List<LinearAdapter>>(BlockLinear.class));

  public List<LinearAdapter> of(BlockLinear linear) {
    return byLinear.getOrDefault(linear, List.of());
  }
}
