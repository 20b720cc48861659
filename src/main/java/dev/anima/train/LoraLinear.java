package dev.anima.train;

import dev.anima.engine.Tensor;
import dev.anima.lora.Dropouts;
import dev.anima.lora.LoraAdapter;
import dev.anima.lora.LoraParameter.Half;
import dev.anima.lora.Network;
import dev.anima.lora.StreamDraws;
import dev.anima.model.block.BlockAdapters;
import dev.anima.model.block.BlockLinear;
import dev.anima.model.block.Dropping;
import dev.anima.model.block.LinearAdapter;
import dev.anima.model.block.LowRankAdapter;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A LoRA module in a hand-written block: weights and gradients are views of its set's flat
/// buffers, and the set is told which modules took part.
record LoraLinear(LoraAdapter lora, LowRankAdapter matrices) implements LinearAdapter {

  private static LoraLinear of(LoraAdapter lora, @Nullable Dropping dropping) {
    return new LoraLinear(
        lora,
        new LowRankAdapter(
            lora.down(),
            lora.up(),
            lora.gradient(Half.DOWN),
            lora.gradient(Half.UP),
            lora.scale(),
            dropping));
  }

  /// The modules of all sets beside the layers of block `index`.
  static BlockAdapters ofBlock(int index, List<TrainedSet> sets) {
    Map<BlockLinear, List<LinearAdapter>> byLinear = new EnumMap<>(BlockLinear.class);
    for (TrainedSet set : sets) {
      Dropping dropping = dropping(set.loras().dropouts(), set.draws());
      for (BlockLinear linear : BlockLinear.values()) {
        LoraAdapter lora = set.loras().module(Network.DIT, "blocks." + index + "." + linear.path());
        if (lora != null) {
          byLinear.computeIfAbsent(linear, _ -> new ArrayList<>()).add(of(lora, dropping));
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
