package dev.anima.train;

import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix;
import dev.anima.model.FrozenMatrix.RowScaled;
import dev.anima.model.Linear;
import dev.anima.model.Placement;
import dev.anima.model.block.BlockLinear;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// One buffer in the compute dtype for the packed matrices of whichever block runs now.
///
/// All blocks have the same shapes, so all see their weights in the same place; [#fill] puts those
/// of one block there.
final class BlockStaging implements AutoCloseable {
  private final List<Map<BlockLinear, Linear>> blocks;
  private final Tensor buffer;
  private final Map<BlockLinear, Tensor> places = new EnumMap<>(BlockLinear.class);
  private int filled = -1;

  /// @param blocks layers of every block, packed alike; not owned
  BlockStaging(List<Map<BlockLinear, Linear>> blocks, Placement placement) {
    this.blocks = blocks;
    Map<BlockLinear, Tensor> codes = new EnumMap<>(BlockLinear.class);
    blocks
        .getFirst()
        .forEach((name, linear) -> {
          if (linear.weight() instanceof RowScaled packed) {
            codes.put(name, packed.codes());
          }
        });
    long elements = codes.values().stream().mapToLong(Tensor::numel).sum();
    buffer = Ops.empty(placement.dtype(), placement.device(), elements).retain();
    long start = 0;
    for (Map.Entry<BlockLinear, Tensor> entry : codes.entrySet()) {
      Tensor code = entry.getValue();
      try (Scope _ = new Scope()) {
        Tensor place = buffer.narrow(0, start, code.numel()).view(code.shape());
        places.put(entry.getKey(), place.retain());
      }
      start += code.numel();
    }
  }

  /// Where the weight of a layer is while its block runs; all places together.
  ///
  /// @param block layers of any block
  Map<BlockLinear, Tensor> weights(Map<BlockLinear, Linear> block) {
    Map<BlockLinear, Tensor> weights = new EnumMap<>(places);
    block.forEach((name, linear) -> {
      if (linear.weight() instanceof FrozenMatrix.Dense(Tensor tensor)) {
        weights.put(name, tensor);
      }
    });
    return weights;
  }

  /// Unpacks block `index`, unless it is there already. Call under [dev.anima.engine.NoGrad]: no
  /// graph may hold what is overwritten.
  void fill(int index) {
    if (index == filled || places.isEmpty()) {
      return;
    }
    blocks
        .get(index)
        .forEach((name, linear) -> {
          if (linear.weight() instanceof RowScaled packed) {
            packed.into(place(name));
          }
        });
    filled = index;
  }

  private Tensor place(BlockLinear name) {
    Tensor place = places.get(name);
    if (place == null) {
      throw new IllegalStateException(name.path() + " is not packed in every block");
    }
    return place;
  }

  @Override
  public void close() {
    places.values().forEach(Tensor::close);
    buffer.close();
  }
}
