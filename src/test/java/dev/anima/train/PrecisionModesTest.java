package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Libtorch;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.LoraSet;
import dev.anima.model.Placement;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.SavePolicy;
import dev.anima.model.dit.AnimaDit;
import dev.anima.train.optim.GradScaler;
import dev.anima.train.optim.OptimizerChoice;
import dev.anima.train.schedule.LrSchedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `--mixed_precision`, `--full_bf16`, `--full_fp16`, `--cuda_allow_tf32`.
class PrecisionModesTest {
  @TempDir Path folder;

  private record Outcome(List<Double> losses, List<String> notes, Set<String> dtypes) {}

  private Outcome run(String output, String... flags) throws IOException {
    TinyRun tiny = new TinyRun(folder.resolve(output));
    List<String> all = TinyRun.flags("plain.toml", output, flags);
    all.addAll(
        List.of(
            "--max_train_steps=4",
            "--seed=3",
            "--cache_latents",
            "--network_train_unet_only",
            "--learning_rate=1e-3"));
    RunOutcome outcome = tiny.train(all);
    try (SafetensorsFile file =
        SafetensorsFile.open(tiny.folder.resolve(output + "/nami.safetensors"))) {
      Set<String> dtypes =
          file.entries().values().stream()
              .filter(entry -> !entry.name().endsWith(".alpha"))
              .map(entry -> entry.dtype())
              .collect(Collectors.toSet());
      return new Outcome(outcome.losses(), List.copyOf(tiny.notes), dtypes);
    }
  }

  @Test
  void everyModeTrainsOnTheCpuAndSaysWhatItIs() throws IOException {
    Outcome fp32 = run("fp32", "--mixed_precision=no");
    Outcome bf16 = run("bf16", "--mixed_precision=bf16");
    Outcome fp16 = run("fp16", "--mixed_precision=fp16");
    Outcome fullBf16 = run("fullbf16", "--mixed_precision=bf16", "--full_bf16");
    Outcome fullFp16 = run("fullfp16", "--mixed_precision=fp16", "--full_fp16");

    assertThat(bf16.losses).isNotEqualTo(fp32.losses);
    assertThat(fp16.losses).isEqualTo(bf16.losses);
    assertThat(fullBf16.losses).isNotEqualTo(bf16.losses);
    assertThat(fullFp16.losses).isEqualTo(fullBf16.losses);
    for (Outcome other : List.of(bf16, fullBf16)) {
      for (int i = 0; i < fp32.losses.size(); i++) {
        assertThat(other.losses.get(i))
            .isCloseTo(fp32.losses.get(i), within(0.02 * fp32.losses.get(i)));
      }
    }
    for (Outcome half : List.of(fp16, fullFp16)) {
      assertThat(half.notes)
          .anySatisfy(note ->
              assertThat(note).contains("--mixed_precision=fp16 computes in bf16 on the CPU"));
    }
    assertThat(fp32.dtypes).containsExactly("F32");
    assertThat(bf16.dtypes).containsExactly("F32");
    assertThat(fullBf16.dtypes).containsExactly("BF16");
  }

  /// The model in fp16 with a float32 residual stream and a loss scale, as on a card; the CPU can
  /// do so too, slowly.
  @ParameterizedTest
  @CsvSource({"F32, 0", "BF16, 0.02", "F16, 0.005"})
  void learnsTheSameInEveryDtype(Dtype dtype, double bound) {
    List<Double> exact = learn(Dtype.F32, Optional.empty());
    List<Double> ours =
        learn(dtype, dtype == Dtype.F16 ? Optional.of(new GradScaler()) : Optional.empty());

    assertThat(exact.getLast()).isLessThan(0.5 * exact.getFirst());
    for (int i = 0; i < exact.size(); i++) {
      assertThat(ours.get(i))
          .as("loss of step " + i)
          .isCloseTo(exact.get(i), within(bound * exact.get(i)));
    }
  }

  private static List<Double> learn(Dtype dtype, Optional<GradScaler> scaler) {
    List<Double> losses = new ArrayList<>();
    try (Fixture fixture = new Fixture(dtype, scaler)) {
      for (int step = 0; step < 20; step++) {
        losses.add(fixture.lossAndGradients());
        assertThat(fixture.learner.update()).isTrue();
      }
    }
    return losses;
  }

  /// An overflow: no step, no schedule, half the scale; then training goes on.
  @Test
  void anOverflowSkipsTheStepAndHalvesTheScale() {
    try (Fixture fixture = new Fixture(Dtype.F16, Optional.of(new GradScaler(0x1p40, 0)))) {
      float[] before = fixture.loras.weights().toFloats();
      int skipped = 0;
      do {
        assertThat(fixture.learner.lossScale()).isEqualTo(0x1p40 / Math.pow(2, skipped));
        assertThat(fixture.lossAndGradients()).isFinite();
        skipped++;
      } while (!fixture.learner.update() && skipped < 40);

      assertThat(skipped).isBetween(2, 39);
      assertThat(fixture.learner.scheduleSteps()).isOne();
      assertThat(fixture.learner.lossScale()).isEqualTo(0x1p40 / Math.pow(2, skipped - 1));
      assertThat(fixture.loras.weights().toFloats()).isNotEqualTo(before);
      assertThat(fixture.loras.weights().isFinite().to(Dtype.I64).min().item()).isOne();
    }
  }

  /// What one trains: the tiny model, one batch, AdamW.
  private static final class Fixture implements AutoCloseable {
    private final Scope scope = new Scope();
    private final AnimaDit dit;
    private final LoraSet loras = PackedBaseTest.loras();
    private final RandomStream stream = RandomStream.cpu(5);
    private final DitPasses passes;
    private final Learner learner;
    private final SafetensorsFile golden = Golden.tensors("training/grad_batch2.safetensors");
    private final Tensor target;

    Fixture(Dtype dtype, Optional<GradScaler> scaler) {
      dit = PackedBaseTest.load(Placement.of(Device.CPU, dtype), WeightStorage.COMPUTE);
      passes =
          PackedBaseTest.passes(
              PassKind.explicit(SavePolicy.INPUT_ONLY, dit.config().blocks()), dit, loras, stream);
      learner =
          new Learner(
              loras,
              OptimizerChoice.parse("AdamW", Map.of()),
              new LrSchedule.Constant(),
              1e-2,
              1,
              OptionalDouble.empty(),
              scaler);
      target = Golden.tensor(golden, "in/noise").sub(Golden.tensor(golden, "in/latents"));
    }

    double lossAndGradients() {
      try (Scope _ = new Scope()) {
        DitPass pass = passes.next();
        Tensor difference = PackedBaseTest.forward(pass, dit, golden).to(Dtype.F32).sub(target);
        Tensor gradient = difference.mul(2.0 / difference.numel() * learner.lossScale());
        pass.backward(gradient.to(dit.placement().dtype()), false);
        return difference.square().mean().item();
      }
    }

    @Override
    public void close() {
      learner.close();
      passes.close();
      golden.close();
      stream.close();
      loras.close();
      dit.close();
      scope.close();
    }
  }

  @Test
  void theTf32FlagReachesLibtorch() throws IOException {
    try {
      run("on", "--cuda_allow_tf32");
      assertThat(Libtorch.allowsTf32()).isTrue();
      run("off");
      assertThat(Libtorch.allowsTf32()).isFalse();
    } finally {
      Libtorch.allowTf32(false);
    }
  }
}
