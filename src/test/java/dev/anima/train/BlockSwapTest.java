package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
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
import dev.anima.model.WeightEdit;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.SavePolicy;
import dev.anima.model.dit.AnimaDit;
import dev.anima.train.optim.OptimizerChoice;
import dev.anima.train.schedule.LrSchedule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Blocks that wait in the file until they are used: nothing but memory changes.
class BlockSwapTest {
  /// Of the tiny model.
  private static final int BLOCKS = 3;

  private static final int STEPS = 3;

  private static final Dropouts DROPOUTS =
      new Dropouts(OptionalDouble.of(0.2), OptionalDouble.of(0.3), OptionalDouble.of(0.3));

  private static AnimaDit load(Dtype dtype, WeightStorage storage, int swapped) {
    return AnimaDit.load(
        Golden.path("tiny/dit.safetensors"),
        Placement.of(Device.CPU, dtype),
        WeightEdit.NONE,
        storage,
        swapped);
  }

  private static List<PassKind> kinds(int swapped) {
    List<PassKind> kinds =
        new ArrayList<>(List.of(new PassKind.Plain(), new PassKind.Checkpointed()));
    for (SavePolicy policy : SavePolicy.values()) {
      kinds.add(new PassKind.Explicit(BlockMix.uniform(policy, BLOCKS).withSwapped(swapped)));
    }
    return kinds;
  }

  /// What some steps give, with a picture's forward after each.
  @SuppressWarnings("ArrayRecordComponent") // compared as wholes
  private record Steps(
      List<Double> losses, List<float[]> gradients, List<float[]> samples, float[] weights) {
    void assertSame(Steps other, String what) {
      assertThat(losses).as(what + ": losses").isEqualTo(other.losses);
      for (int i = 0; i < STEPS; i++) {
        assertThat(gradients.get(i))
            .as(what + ": gradients " + i)
            .isEqualTo(other.gradients.get(i));
        assertThat(samples.get(i)).as(what + ": samples " + i).isEqualTo(other.samples.get(i));
      }
      assertThat(weights).as(what + ": weights").isEqualTo(other.weights);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void everyWayGivesTheSameNumbersToTheBit(Dtype dtype) {
    try (AnimaDit resident = load(dtype, WeightStorage.COMPUTE, 0);
        AnimaDit one = load(dtype, WeightStorage.COMPUTE, 1);
        AnimaDit all = load(dtype, WeightStorage.COMPUTE, BLOCKS)) {
      assertThat(one.bytesInFile()).isPositive();
      assertThat(all.bytesInFile()).isEqualTo(BLOCKS * one.bytesInFile());
      for (int i = 0; i < kinds(0).size(); i++) {
        for (NetworkArgs args : List.of(NetworkArgs.NONE, upperBlock(), everything())) {
          Steps expected = steps(resident, kinds(0).get(i), args);
          PassKind kind = kinds(BLOCKS).get(i);
          steps(all, kind, args).assertSame(expected, kind + " " + args);
          if (args.equals(NetworkArgs.NONE)) {
            PassKind fewer = kinds(1).get(i);
            steps(one, fewer, args).assertSame(expected, fewer.toString());
          }
        }
      }
    }
  }

  private static NetworkArgs everything() {
    return NetworkArgs.parse(List.of("include_patterns='.*'"));
  }

  /// Backward ends before it reaches the first block.
  private static NetworkArgs upperBlock() {
    return NetworkArgs.parse(List.of("exclude_patterns='.*blocks\\.[01].*'"));
  }

  /// On the CPU packed blocks stay where they are: in main memory.
  @ParameterizedTest
  @EnumSource(names = {"FP8", "INT8"})
  void packedBlocksStayInMemory(WeightStorage storage) {
    try (AnimaDit resident = load(Dtype.BF16, storage, 0);
        AnimaDit waiting = load(Dtype.BF16, storage, BLOCKS)) {
      assertThat(waiting.bytesInFile()).isZero();
      assertThat(waiting.bytes()).isEqualTo(resident.bytes());
      List<PassKind> with = kinds(BLOCKS);
      for (int i = 0; i < with.size(); i++) {
        steps(waiting, with.get(i), NetworkArgs.NONE)
            .assertSame(steps(resident, kinds(0).get(i), NetworkArgs.NONE), with.get(i).toString());
      }
    }
  }

  private static Steps steps(AnimaDit dit, PassKind kind, NetworkArgs args) {
    Dtype dtype = dit.placement().dtype();
    List<Double> losses = new ArrayList<>();
    List<float[]> gradients = new ArrayList<>();
    List<float[]> samples = new ArrayList<>();
    try (Scope _ = new Scope();
        LoraSet loras = loras(args);
        RandomStream stream = RandomStream.cpu(5);
        DitPasses passes =
            DitPasses.of(
                kind, dit, List.of(new TrainedSet(loras, new StreamDraws(stream, stream))));
        Learner learner = learner(loras);
        SafetensorsFile golden = Golden.tensors("training/grad_batch2.safetensors")) {
      DitContext context = context(dit, golden);
      Tensor noisy = Golden.tensor(golden, "out/noisy").squeeze(2).to(dtype);
      Tensor times = Golden.tensor(golden, "out/timesteps").to(dtype);
      Tensor target = Golden.tensor(golden, "in/noise").sub(Golden.tensor(golden, "in/latents"));
      for (int step = 0; step < STEPS; step++) {
        try (Scope _ = new Scope()) {
          DitPass pass = passes.next();
          Tensor difference = pass.forward(noisy, times, context).to(Dtype.F32).sub(target);
          losses.add(difference.square().mean().item());
          pass.backward(difference.mul(2.0 / difference.numel()).to(dtype), false);
          gradients.add(loras.gradients().toFloats());
          learner.update();
          try (NoGrad _ = new NoGrad()) {
            Adapters adapters = loras.evaluating(Network.DIT, 1);
            samples.add(dit.forward(noisy, times, context.rows(), adapters).toFloats());
          }
        }
      }
      return new Steps(losses, gradients, samples, loras.weights().toFloats());
    }
  }

  private static Learner learner(LoraSet loras) {
    return new Learner(
        loras,
        OptimizerChoice.parse("AdamW", Map.of()),
        new LrSchedule.Constant(),
        1e-2,
        1,
        OptionalDouble.empty(),
        Optional.empty());
  }

  private static DitContext context(AnimaDit dit, SafetensorsFile golden) {
    try (SafetensorsFile text = Golden.tensors("training/text.safetensors");
        NoGrad _ = new NoGrad()) {
      Tensor rows = Golden.tensor(golden, "in/captions");
      Tensor mask = Golden.tensor(text, "t5_attn_mask").indexSelect(0, rows);
      Tensor context =
          dit.llmAdapter()
              .context(
                  Golden.tensor(text, "prompt_embeds")
                      .indexSelect(0, rows)
                      .to(dit.placement().dtype()),
                  Golden.tensor(text, "attn_mask").indexSelect(0, rows),
                  Golden.tensor(text, "t5_input_ids").indexSelect(0, rows),
                  mask,
                  Adapters.NONE);
      return new DitContext(context, Arrays.stream(mask.sum(false, 1).toLongs()).boxed().toList());
    }
  }

  private static LoraSet loras(NetworkArgs args) {
    LoraPlan.Layers layers;
    try (SafetensorsFile dit = Golden.tensors("tiny/dit.safetensors");
        SafetensorsFile qwen = Golden.tensors("tiny/qwen3.safetensors")) {
      layers = new LoraPlan.Layers(LinearModules.ofTextEncoder(qwen), LinearModules.ofDit(dit));
    }
    LoraSpec spec =
        LoraSpec.of(OptionalInt.of(4), OptionalDouble.of(4), OptionalDouble.empty(), args);
    LoraPlan plan = LoraPlan.select(spec, layers, Set.of(Network.DIT));
    List<ParameterGroup> groups =
        ParameterGroup.of(
            plan,
            args,
            new ParameterGroup.LearningRates(1e-2, OptionalDouble.empty(), OptionalDouble.empty()));
    LoraSet set = new LoraSet(plan.trained(), groups, DROPOUTS, Device.CPU, Dtype.F32);
    try (RandomStream first = RandomStream.cpu(3)) {
      LoraInit.draw(set, plan, first);
    }
    return set;
  }
}
