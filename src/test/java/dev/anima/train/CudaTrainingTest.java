package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anima.Card;
import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Readback;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.LoraSet;
import dev.anima.lora.WeightNorms;
import dev.anima.model.EightBitRows;
import dev.anima.model.Placement;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.SavePolicy;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.dit.DitConfig;
import dev.anima.train.PackedBaseTest.Run;
import dev.anima.train.optim.GradScaler;
import dev.anima.train.optim.OptimizerChoice;
import dev.anima.train.schedule.LrSchedule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Training steps of the tiny model on a card.
@Tag("cuda")
class CudaTrainingTest {
  /// The tiny model with a LoRA, and one batch.
  private static final class Fixture implements AutoCloseable {
    private final Scope scope = new Scope();
    final AnimaDit dit;
    final LoraSet loras;
    private final RandomStream stream;
    private final DitPasses passes;
    private final Tensor noisy;
    private final Tensor timesteps;
    private final DitContext context;
    private final Tensor target;
    final Learner learner;

    Fixture(Device device, Dtype dtype, WeightStorage storage, boolean fast, SavePolicy policy) {
      this(device, fast(PackedBaseTest.load(Placement.of(device, dtype), storage), fast), policy);
    }

    private static AnimaDit fast(AnimaDit dit, boolean fast) {
      dit.multiplyPacked(fast);
      return dit;
    }

    Fixture(Device device, AnimaDit dit, SavePolicy policy) {
      this.dit = dit;
      Dtype dtype = dit.placement().dtype();
      loras = PackedBaseTest.loras(device);
      stream = RandomStream.on(device, 5);
      passes =
          PackedBaseTest.passes(
              PassKind.explicit(policy, dit.config().blocks()), dit, loras, stream);
      try (SafetensorsFile golden = Golden.tensors("training/grad_batch2.safetensors")) {
        Tensor noise = Golden.tensor(golden, "in/noise");
        target = noise.sub(Golden.tensor(golden, "in/latents")).to(device);
        noisy = Golden.tensor(golden, "out/noisy").squeeze(2).to(device, dtype);
        timesteps = Golden.tensor(golden, "out/timesteps").to(device, dtype);
        try (AnimaDit onCpu =
            PackedBaseTest.load(Placement.of(Device.CPU, Dtype.F32), WeightStorage.COMPUTE)) {
          DitContext rows = PackedBaseTest.context(onCpu, golden);
          context = new DitContext(rows.rows().to(device, dtype), rows.lengths());
        }
      }
      try (NoGrad _ = new NoGrad();
          RandomStream random = RandomStream.cpu(6)) {
        loras.weights().copy_(random.randn(Dtype.F32, loras.weights().numel()).mul(0.1).to(device));
      }
      learner =
          new Learner(
              loras,
              OptimizerChoice.parse("AdamW", Map.of()),
              new LrSchedule.Constant(),
              1e-2,
              1,
              OptionalDouble.empty(),
              dtype == Dtype.F16 ? Optional.of(new GradScaler()) : Optional.empty());
    }

    /// In the current scope.
    Tensor lossAndGradients() {
      DitPass pass = passes.next();
      Tensor difference = pass.forward(noisy, timesteps, context).to(Dtype.F32).sub(target);
      pass.backward(
          difference
              .mul(2.0 / difference.numel() * learner.lossScale())
              .to(dit.placement().dtype()),
          false);
      return difference.square().mean();
    }

    Run run() {
      try (Scope _ = new Scope()) {
        DitPass pass = passes.next();
        Tensor prediction = pass.forward(noisy, timesteps, context);
        pass.backward(prediction.mul(1e-3), false);
        return new Run(prediction.toFloats(), loras.gradients().toFloats());
      }
    }

    @Override
    public void close() {
      learner.close();
      passes.close();
      stream.close();
      loras.close();
      dit.close();
      scope.close();
    }
  }

  private static Run run(
      Device device, Dtype dtype, WeightStorage storage, boolean fast, SavePolicy policy) {
    try (Fixture fixture = new Fixture(device, dtype, storage, fast, policy)) {
      return fixture.run();
    }
  }

  private static void assertClose(String what, Run ours, Run expected, double bound) {
    assertThat(PackedBaseTest.distance(ours.prediction(), expected.prediction()))
        .as(what + ": prediction")
        .isLessThan(bound);
    assertThat(PackedBaseTest.distance(ours.gradients(), expected.gradients()))
        .as(what + ": gradients")
        .isLessThan(bound);
  }

  @Test
  void float32IsThatOfTheCpu() {
    Device card = Card.required();
    Run ours = run(card, Dtype.F32, WeightStorage.COMPUTE, false, SavePolicy.UNITS_13);
    Run expected = run(Device.CPU, Dtype.F32, WeightStorage.COMPUTE, false, SavePolicy.UNITS_13);
    assertClose("card against CPU", ours, expected, 1e-4);
  }

  /// Recompute and main memory change nothing but the order of sums that the card's attention
  /// leaves open.
  @ParameterizedTest
  @CsvSource({"F32, 1e-5", "BF16, 2e-2", "F16, 2e-3"})
  void everyPolicyGivesTheSameGradients(Dtype dtype, double bound) {
    Device card = Card.required();
    Run expected = run(card, dtype, WeightStorage.COMPUTE, false, SavePolicy.EVERYTHING);
    for (SavePolicy policy : SavePolicy.values()) {
      Run ours = run(card, dtype, WeightStorage.COMPUTE, false, policy);
      assertClose(dtype + " " + policy, ours, expected, bound);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "FP8, false, F32, 1e-4",
    "INT8, false, F32, 1e-4",
    "FP8, true, F32, 5e-2",
    "INT8, true, F32, 1e-2",
    "FP8, true, BF16, 7e-2",
    "INT8, true, BF16, 3e-2"
  })
  void packedBlocksGiveWhatTheyGiveOnTheCpu(
      WeightStorage storage, boolean fast, Dtype dtype, double bound) {
    Device card = Card.required();
    assumeTrue(!fast || EightBitRows.missing(card, storage, dtype).isEmpty(), "no such products");
    Run ours = run(card, dtype, storage, fast, SavePolicy.UNITS_13);
    Run expected = run(Device.CPU, dtype, storage, fast, SavePolicy.UNITS_13);
    // A number at the edge between two codes may fall to the other side: fast products are close
    // only as far as their rounding is fine.
    assertClose(storage + (fast ? " fast" : ""), ours, expected, bound);
  }

  @ParameterizedTest
  @CsvSource({"BF16, 0.02", "F16, 0.01"})
  void learnsInReducedPrecisionAsInFloat32(Dtype dtype, double bound) {
    Device card = Card.required();
    List<Double> exact = learn(card, Dtype.F32);
    List<Double> ours = learn(card, dtype);
    assertThat(exact.getLast()).isLessThan(exact.getFirst());
    for (int i = 0; i < exact.size(); i++) {
      assertThat(ours.get(i))
          .as("loss of step " + i)
          .isCloseTo(exact.get(i), within(bound * exact.get(i)));
    }
  }

  private static List<Double> learn(Device device, Dtype dtype) {
    List<Double> losses = new ArrayList<>();
    try (Fixture fixture =
        new Fixture(device, dtype, WeightStorage.COMPUTE, false, SavePolicy.INPUT_ONLY)) {
      for (int step = 0; step < 20; step++) {
        try (Scope _ = new Scope()) {
          losses.add(fixture.lossAndGradients().item());
          assertThat(fixture.learner.update()).isTrue();
        }
      }
    }
    return losses;
  }

  @Test
  void weightNormsAreThoseOfTheCpu() {
    Device card = Card.required();
    List<float[]> weights = new ArrayList<>();
    List<WeightNorms.Report> reports = new ArrayList<>();
    for (Device device : List.of(Device.CPU, card)) {
      try (Fixture fixture =
              new Fixture(device, Dtype.F32, WeightStorage.COMPUTE, false, SavePolicy.INPUT_ONLY);
          WeightNorms.Pending pending = WeightNorms.limit(fixture.loras, 0.5)) {
        reports.add(pending.report());
        weights.add(fixture.loras.weights().toFloats());
      }
    }
    assertThat(reports.get(1).scaled()).isEqualTo(reports.get(0).scaled()).isPositive();
    assertThat(reports.get(1).max()).isCloseTo(reports.get(0).max(), within(1e-6));
    assertThat(PackedBaseTest.distance(weights.get(1), weights.get(0))).isLessThan(1e-6);
  }

  /// The proof that a step has no wait in it: all of it is queued behind two seconds of other work,
  /// and the card has not come to its end when the program has. One block, for the queue has room
  /// for about a thousand pieces of work. In fp16 the optimizer must know whether the gradients are
  /// finite, so there the update is left out.
  @ParameterizedTest
  @EnumSource(
      value = SavePolicy.class,
      names = {"UNITS_13", "INPUT_ONLY", "INPUT_ON_HOST"})
  void aStepDoesNotWaitForTheCard(SavePolicy policy) {
    Device card = Card.required();
    for (Dtype dtype : List.of(Dtype.F32, Dtype.BF16, Dtype.F16)) {
      AnimaDit dit = AnimaDit.random(oneBlock(), Placement.of(card, dtype), 1);
      try (Fixture fixture = new Fixture(card, dit, policy)) {
        for (int warmUp = 0; warmUp < 2; warmUp++) {
          try (Scope _ = new Scope()) {
            fixture.lossAndGradients();
            fixture.learner.update();
          }
        }
        assumeTrue(!card.isCpu(), "the CPU does its work at once");
        card.await();
        Card.keepBusy(card, 2);
        try (Scope _ = new Scope();
            Readback loss = Readback.of(fixture.lossAndGradients())) {
          if (dtype != Dtype.F16) {
            fixture.learner.update();
          }
          assertThat(loss.arrived()).as(dtype + ": the program waited").isFalse();
          assertThat(loss.value()).isFinite();
        }
      }
    }
  }

  private static DitConfig oneBlock() {
    DitConfig tiny = DitConfig.read(Golden.path("tiny/dit.safetensors"));
    return new DitConfig(
        tiny.channels(),
        tiny.latentChannels(),
        tiny.heads(),
        tiny.headSize(),
        1,
        tiny.hidden(),
        tiny.bottleneck(),
        tiny.context(),
        tiny.adapter());
  }

  @Test
  void limitingNormsDoesNotWaitForTheCard() {
    Device card = Card.requiredReally();
    try (Fixture fixture =
        new Fixture(card, Dtype.F32, WeightStorage.COMPUTE, false, SavePolicy.INPUT_ONLY)) {
      WeightNorms.limit(fixture.loras, 10).close();
      card.await();
      Card.keepBusy(card, 2);
      try (WeightNorms.Pending norms = WeightNorms.limit(fixture.loras, 10);
          Readback end = Readback.of(fixture.loras.weights().narrow(0, 0, 1))) {
        assertThat(end.arrived()).as("the program waited").isFalse();
        assertThat(norms.report().max()).isFinite();
      }
    }
  }
}
