package dev.anima.train;

import dev.anima.config.Size;
import dev.anima.engine.AllocationCount;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.lora.Dropouts;
import dev.anima.lora.LinearModules;
import dev.anima.lora.LoraInit;
import dev.anima.lora.LoraPlan;
import dev.anima.lora.LoraSet;
import dev.anima.lora.LoraSpec;
import dev.anima.lora.Network;
import dev.anima.lora.NetworkArgs;
import dev.anima.lora.ParameterGroup;
import dev.anima.lora.StreamDraws;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.WeightStorage;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.LlmAdapterConfig;
import dev.anima.train.objective.NoisyLatents;
import dev.anima.train.objective.Objective;
import dev.anima.train.objective.ObjectiveFlags;
import dev.anima.train.optim.OptimizerChoice;
import dev.anima.train.plan.Arithmetic;
import dev.anima.train.plan.LoraShape;
import dev.anima.train.plan.OptimizerMemory;
import dev.anima.train.plan.StepMemory;
import dev.anima.train.schedule.LrSchedule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/// Training steps of a DiT of made-up weights as the loop does them, with every allocation counted.
final class CountedSteps implements AutoCloseable {
  private static final int PADDED = 512;

  final DitConfig config;
  final StepMemory memory;
  final AllocationCount count = AllocationCount.open().orElseThrow();
  private final Placement placement;
  private final AnimaDit dit;
  private final LoraSet loras;
  private final Learner learner;
  private final RandomStream random;
  private final TrainedSet set;
  private final Objective objective = ObjectiveFlags.DEFAULTS.objective();
  private DitPasses passes;

  /// @param arguments for the network: name, value
  record Lora(int rank, Dropouts dropouts, List<String> arguments) {
    static final Lora PLAIN = new Lora(16, Dropouts.NONE, List.of());
  }

  /// A DiT of `width`, heads of 64.
  static DitConfig config(int width, int blocks) {
    return new DitConfig(
        width,
        16,
        width / 64,
        64,
        blocks,
        4 * width,
        width / 8,
        1024,
        new LlmAdapterConfig(1, 1024, 64, 64, 64, 1, 64));
  }

  CountedSteps(DitConfig config, Dtype dtype, WeightStorage storage, Lora lora, BlockMix mix) {
    this.config = config;
    this.placement = Placement.of(Device.CPU, dtype);
    this.dit = AnimaDit.random(config, placement, 1, storage);
    LoraPlan.Layers layers =
        new LoraPlan.Layers(List.of(), LinearModules.ofDit(config.layout().expected()));
    NetworkArgs args = NetworkArgs.parse(lora.arguments);
    LoraSpec spec =
        LoraSpec.of(
            OptionalInt.of(lora.rank), OptionalDouble.empty(), OptionalDouble.empty(), args);
    LoraPlan plan = LoraPlan.select(spec, layers, Set.of(Network.DIT));
    List<ParameterGroup> groups =
        ParameterGroup.of(
            plan,
            args,
            new ParameterGroup.LearningRates(1e-4, OptionalDouble.empty(), OptionalDouble.empty()));
    this.loras = new LoraSet(plan.trained(), groups, lora.dropouts, placement.device(), Dtype.F32);
    try (RandomStream host = RandomStream.cpu(3)) {
      LoraInit.draw(loras, plan, host);
    }
    OptimizerChoice choice = OptimizerChoice.parse("AdamW", Map.of());
    this.learner =
        new Learner(
            loras,
            choice,
            new LrSchedule.Constant(),
            1e-4,
            1,
            OptionalDouble.empty(),
            Optional.empty());
    this.random = RandomStream.cpu(2);
    this.set = new TrainedSet(loras, new StreamDraws(random, random));
    this.passes = passes(mix);
    long trainable = loras.layout().trainable();
    this.memory =
        new StepMemory(
            config,
            new Arithmetic(Device.Kind.CPU, dtype),
            LoraShape.of(plan.trained(), config.blocks(), lora.dropouts, Dtype.F32, trainable),
            OptimizerMemory.of(
                trainable, OptimizerMemory.bytesPerParameter(choice.config()), Device.Kind.CPU),
            false);
  }

  private DitPasses passes(BlockMix mix) {
    return DitPasses.of(new PassKind.Explicit(mix), dit, List.of(set));
  }

  /// Another way through the same model.
  void mix(BlockMix mix) {
    passes.close();
    passes = passes(mix);
  }

  /// Bytes the weights take.
  long weightBytes() {
    return dit.bytes();
  }

  long live() {
    return count.live(Device.CPU);
  }

  /// One micro-batch and an update.
  ///
  /// @param textLengths of each image
  /// @return the most bytes beyond those before it
  long step(Size pixels, List<Long> textLengths) {
    count.resetPeak();
    long before = live();
    try (Scope _ = new Scope()) {
      loss(pixels, textLengths);
    }
    learner.update();
    return count.peak(Device.CPU) - before;
  }

  private double loss(Size pixels, List<Long> textLengths) {
    int batch = textLengths.size();
    List<Tensor> latents = new ArrayList<>();
    for (int i = 0; i < batch; i++) {
      latents.add(random.randn(Dtype.F32, 16, pixels.height() / 8, pixels.width() / 8));
    }
    Tensor together = Ops.stack(latents, 0);
    latents.forEach(Tensor::close); // kept by the cache in a real run
    NoisyLatents noisy;
    try (NoGrad _ = new NoGrad()) {
      noisy = objective.draw(together, random, random, placement.dtype());
    }
    Tensor rows = random.randn(placement.dtype(), batch, PADDED, config.context());
    for (int i = 0; i < batch; i++) {
      rows.select(0, i).narrow(0, textLengths.get(i), PADDED - textLengths.get(i)).zero_();
    }
    return new DitStep(objective, passes::next)
        .lossAndGradients(
            noisy,
            new DitContext(rows, textLengths),
            null,
            Ops.full(1, Dtype.F32, Device.CPU, batch),
            1)
        .item();
  }

  /// One plain pass as a sampler makes it, the LoRA without dropouts.
  ///
  /// @return the most bytes beyond those before it
  long picture(Size pixels, long textRows) {
    Adapters adapters = loras.evaluating(Network.DIT, 1);
    long before = live();
    count.resetPeak();
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Dtype dtype = placement.dtype();
      Tensor latents = random.randn(dtype, 1, 16, pixels.height() / 8, pixels.width() / 8);
      Tensor text = random.randn(dtype, 1, textRows, config.context());
      var _ = dit.forward(latents, Ops.full(0.5, dtype, Device.CPU, 1), text, adapters);
    }
    return count.peak(Device.CPU) - before;
  }

  static List<Long> texts(int batch, long length) {
    return Collections.nCopies(batch, length);
  }

  @Override
  public void close() {
    passes.close();
    learner.close();
    loras.close();
    random.close();
    dit.close();
    count.close();
  }
}
