package dev.anima.train;

import dev.anima.engine.AttentionChoice;
import dev.anima.engine.AttentionKernel;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.lora.Network;
import dev.anima.model.Adapters;
import dev.anima.model.FrozenMatrix;
import dev.anima.model.Linear;
import dev.anima.model.Placement;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.BatchedModulation;
import dev.anima.model.block.BlockAdapters;
import dev.anima.model.block.BlockLinear;
import dev.anima.model.block.BlockWeights;
import dev.anima.model.block.ExplicitBlock;
import dev.anima.model.block.SavePolicy;
import dev.anima.model.dit.AnimaDit;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The DiT of a run made ready for [ExplicitPass]: its blocks written by hand, with the modules of
/// every LoRA that trains.
///
/// The weights stay the model's. The modulation of blocks whose modulation layers do not train is
/// one batched product; that takes a second copy of those layers, so not over packed blocks, where
/// memory is what counts. Packed blocks are unpacked one at a time, right before they run; swapped
/// ones are fetched by the model, one ahead.
final class ExplicitDit implements AutoCloseable {
  private final AnimaDit dit;
  private final Adapters adapters;
  private final List<ExplicitBlock> blocks = new ArrayList<>();
  private final List<SavePolicy> policies;
  private final @Nullable BatchedModulation modulation;
  private final BlockStaging staging;
  private final boolean patchesTrain;
  private final boolean timingTrains;
  private final int lowestTrained;

  /// @param sets of LoRAs with their first weights
  /// @param mix policy of each block
  ExplicitDit(AnimaDit dit, List<TrainedSet> sets, BlockMix mix) {
    this.dit = dit;
    this.adapters = TrainedSet.beside(sets, Network.DIT);
    this.policies = mix.policies();
    this.patchesTrain = TrainedSet.trains(sets, "x_embedder.");
    this.timingTrains = TrainedSet.trains(sets, "t_embedder.");
    Placement placement = dit.placement();
    AttentionKernel kernel = attention(dit).kernel();
    List<Map<BlockLinear, Linear>> layers =
        IntStream.range(0, dit.config().blocks())
            .mapToObj(i -> layers(dit.blockWeights(i)))
            .toList();
    this.staging = new BlockStaging(layers.stream().map(this::unpacked).toList(), placement);
    List<BlockWeights> weights = new ArrayList<>();
    int lowest = dit.config().blocks();
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      for (int i = 0; i < dit.config().blocks(); i++) {
        weights.add(weights(dit.blockWeights(i), matrices(layers.get(i))));
        BlockAdapters beside = LoraLinear.ofBlock(i, sets, weights.getLast());
        if (!beside.byLinear().isEmpty()) {
          lowest = Math.min(lowest, i);
        }
        blocks.add(new ExplicitBlock(weights.getLast(), beside, kernel, false));
      }
      boolean anyPlain = blocks.stream().anyMatch(block -> !block.modulation().isAdapted());
      this.modulation =
          anyPlain && dit.storage() == WeightStorage.COMPUTE
              ? new BatchedModulation(weights, modulationDtype(placement))
              : null;
    }
    this.lowestTrained = lowest;
  }

  /// What the blocks attend with.
  static AttentionChoice attention(AnimaDit dit) {
    Placement placement = dit.placement();
    return AttentionChoice.on(placement.device(), placement.dtype(), dit.config().headSize());
  }

  // The modulation of an fp16 model is float32, see Conditioning.
  private static Dtype modulationDtype(Placement placement) {
    return placement.dtype() == Dtype.F16 ? Dtype.F32 : placement.dtype();
  }

  private static Map<BlockLinear, Linear> layers(dev.anima.model.dit.BlockWeights block) {
    Map<BlockLinear, Linear> layers = new EnumMap<>(BlockLinear.class);
    for (BlockLinear name : BlockLinear.values()) {
      layers.put(name, linear(block, name));
    }
    return layers;
  }

  /// The layers whose weights are needed in the compute dtype.
  private Map<BlockLinear, Linear> unpacked(Map<BlockLinear, Linear> block) {
    Map<BlockLinear, Linear> unpacked = new EnumMap<>(block);
    if (dit.multipliesPacked()) {
      unpacked.values().removeIf(linear -> linear.weight() instanceof FrozenMatrix.RowScaled);
    }
    return unpacked;
  }

  /// What the layers of a block multiply with: unpacked weights in the staging buffer, others as
  /// they are.
  private Map<BlockLinear, FrozenMatrix> matrices(Map<BlockLinear, Linear> block) {
    Map<BlockLinear, FrozenMatrix> matrices = new EnumMap<>(BlockLinear.class);
    block.forEach((name, linear) -> matrices.put(name, linear.weight()));
    staging
        .weights(unpacked(block))
        .forEach((name, tensor) -> matrices.put(name, new FrozenMatrix.Dense(tensor)));
    return matrices;
  }

  private static BlockWeights weights(
      dev.anima.model.dit.BlockWeights block, Map<BlockLinear, FrozenMatrix> linears) {
    return new BlockWeights(
        linears,
        block.selfAttention().qNorm(),
        block.selfAttention().kNorm(),
        block.crossAttention().qNorm(),
        block.crossAttention().kNorm());
  }

  private static Linear linear(dev.anima.model.dit.BlockWeights block, BlockLinear linear) {
    return switch (linear) {
      case SELF_QUERY -> block.selfAttention().q();
      case SELF_KEY -> block.selfAttention().k();
      case SELF_VALUE -> block.selfAttention().v();
      case SELF_OUTPUT -> block.selfAttention().output();
      case CROSS_QUERY -> block.crossAttention().q();
      case CROSS_KEY -> block.crossAttention().k();
      case CROSS_VALUE -> block.crossAttention().v();
      case CROSS_OUTPUT -> block.crossAttention().output();
      case MLP_UP -> block.mlp().layer1();
      case MLP_DOWN -> block.mlp().layer2();
      case SELF_MODULATION_DOWN -> block.selfModulation().down();
      case SELF_MODULATION_UP -> block.selfModulation().up();
      case CROSS_MODULATION_DOWN -> block.crossModulation().down();
      case CROSS_MODULATION_UP -> block.crossModulation().up();
      case MLP_MODULATION_DOWN -> block.mlpModulation().down();
      case MLP_MODULATION_UP -> block.mlpModulation().up();
    };
  }

  AnimaDit dit() {
    return dit;
  }

  /// The same modules as autograd sees them, for what lies around the blocks.
  Adapters adapters() {
    return adapters;
  }

  /// Valid until another block is asked for: they share the buffers of unpacked and of swapped
  /// weights.
  ExplicitBlock block(int index) {
    dit.fetchBlock(index);
    staging.fill(index);
    return blocks.get(index);
  }

  List<SavePolicy> policies() {
    return policies;
  }

  @Nullable BatchedModulation modulation() {
    return modulation;
  }

  /// Whether the patch embedding carries a LoRA.
  boolean patchesTrain() {
    return patchesTrain;
  }

  /// Whether the timestep embedding does.
  boolean timingTrains() {
    return timingTrains;
  }

  /// The first block that backward must reach for the LoRAs' sake.
  int lowestTrained() {
    return patchesTrain || timingTrains ? 0 : lowestTrained;
  }

  @Override
  public void close() {
    blocks.forEach(ExplicitBlock::close);
    if (modulation != null) {
      modulation.close();
    }
    staging.close();
  }
}
