package dev.anima.train;

import dev.anima.engine.Tensor;
import dev.anima.lora.Dropouts;
import dev.anima.lora.LoraAdapter;
import dev.anima.lora.LoraPart;
import dev.anima.lora.Network;
import dev.anima.lora.StreamDraws;
import dev.anima.model.FrozenMatrix;
import dev.anima.model.block.BlockAdapters;
import dev.anima.model.block.BlockLinear;
import dev.anima.model.block.BlockWeights;
import dev.anima.model.block.ChangeAdapter;
import dev.anima.model.block.DecomposedAdapter;
import dev.anima.model.block.Dropping;
import dev.anima.model.block.LinearAdapter;
import dev.anima.model.block.LowRankAdapter;
import dev.anima.model.change.LowRank;
import dev.anima.model.change.Magnitude;
import dev.anima.model.change.RowDroppable;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A module in a hand-written block: weights and gradients are views of its set's flat buffers, and
/// the set is told which modules took part.
record LoraLinear(LoraAdapter lora, LinearAdapter matrices) implements LinearAdapter {

  /// @param weight of the frozen layer
  private static LoraLinear of(LoraAdapter lora, @Nullable Dropping dropping, FrozenMatrix weight) {
    LinearAdapter matrices =
        switch (lora.change()) {
          case LowRank _ ->
              new LowRankAdapter(
                  lora.down(),
                  lora.up(),
                  lora.gradient(LoraPart.DOWN),
                  lora.gradient(LoraPart.UP),
                  lora.scale(),
                  dropping);
          case RowDroppable change -> new ChangeAdapter(change, lora.scale(), dropping);
        };
    Magnitude magnitude = lora.magnitude();
    return new LoraLinear(
        lora, magnitude == null ? matrices : new DecomposedAdapter(matrices, weight, magnitude));
  }

  /// The modules of all sets beside the layers of block `index`.
  ///
  /// @param weights of that block
  static BlockAdapters ofBlock(int index, List<TrainedSet> sets, BlockWeights weights) {
    Map<BlockLinear, List<LinearAdapter>> byLinear = new EnumMap<>(BlockLinear.class);
    for (TrainedSet set : sets) {
      Dropping dropping = dropping(set.loras().dropouts(), set.draws());
      for (BlockLinear linear : BlockLinear.values()) {
        LoraAdapter lora = set.loras().module(Network.DIT, "blocks." + index + "." + linear.path());
        if (lora != null) {
          byLinear
              .computeIfAbsent(linear, _ -> new ArrayList<>())
              .add(of(lora, dropping, weights.linear(linear)));
        }
      }
    }
    return new BlockAdapters(byLinear);
  }

  private static @Nullable Dropping dropping(Dropouts dropouts, StreamDraws draws) {
    return dropouts.equals(Dropouts.NONE)
        ? null
        : new Dropping(
            dropouts.element(), dropouts.rank(), dropouts.module(), draws.host(), draws.device());
  }

  @Override
  public Saved forward(Tensor x, Tensor y, long drawnTokens) {
    Saved saved = matrices.forward(x, y, drawnTokens);
    if (saved.tookPart()) {
      lora.markTookPart();
    }
    return saved;
  }

  @Override
  public void again(Tensor x, Tensor y, Saved saved) {
    matrices.again(x, y, saved);
  }

  @Override
  public void backward(Tensor dy, Tensor x, Saved saved, @Nullable Tensor dx) {
    matrices.backward(dy, x, saved, dx);
  }
}
