package dev.anima.train.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class ObjectiveTest {
  private static final double REL = 2e-6;

  /// `2 c (root - c)` of a root near 1 cannot be better than twice the root's last bit, 1.2e-7;
  /// square root kernels differ in that bit. Single elements only: all means keep the relative
  /// bound.
  private static final double ROOT_NOISE = 2.5e-7;

  static Stream<Arguments> recordedLosses() {
    return Golden.json("training/index.json")
        .at("/losses/cases")
        .valueStream()
        .map(entry -> Arguments.of(entry.get("flags").toString(), entry));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("recordedLosses")
  void lossesFollowTheReference(String name, JsonNode entry) {
    FlagWords words = FlagWords.of(entry.get("flags"));
    if (entry.has("error")) {
      assertThatThrownBy(words::objective)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--huber_schedule=constant");
      return;
    }
    Objective objective = words.objective();
    String prefix = "case" + entry.get("case").intValue();
    try (SafetensorsFile file = Golden.tensors("training/losses.safetensors");
        Scope _ = new Scope()) {
      Tensor prediction = Golden.tensor(file, "pred");
      Tensor timesteps = Golden.tensor(file, "timesteps");
      Tensor target = Golden.tensor(file, "target");
      NoisyLatents batch = new NoisyLatents(target, timesteps, timesteps.view(-1, 1, 1, 1), target);
      Tensor mask = LossMask.ofAlpha(Golden.tensor(file, "alpha_mask"), 6, 8);

      assertRelative(
          objective.elementLoss().of(prediction, target, timesteps),
          Golden.tensor(file, prefix + "/loss"),
          ROOT_NOISE);
      assertRelative(
          objective.perSample(prediction, batch, null), Golden.tensor(file, prefix + "/mean"));
      assertRelative(
          objective.perSample(prediction, batch, mask),
          Golden.tensor(file, prefix + "/masked_mean"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sigma_sqrt", "cosmap", "none", "uniform", "logit_normal", "mode"})
  void weightsFollowTheReference(String scheme) {
    Objective objective = new FlagWords("--weighting_scheme=" + scheme).objective();
    try (SafetensorsFile file = Golden.tensors("training/losses.safetensors");
        Scope _ = new Scope()) {
      assertRelative(
          objective.weighting().of(Golden.tensor(file, "sigmas")),
          Golden.tensor(file, "weight/" + scheme));
    }
  }

  static Stream<Arguments> recordedSteps() {
    return Golden.json("training/index.json").get("runs").properties().stream()
        .filter(run -> run.getKey().startsWith("grad_"))
        .map(run -> Arguments.of(run.getKey(), run.getValue()));
  }

  /// From recorded draws to the model's input, and from its recorded answer to the loss.
  @ParameterizedTest(name = "{0}")
  @MethodSource("recordedSteps")
  void wholeStepsFollowTheReference(String name, JsonNode run) {
    FlagWords words = FlagWords.of(run.get("flags"));
    boolean bf16 = words.has("--mixed_precision", "bf16");
    Dtype dtype = bf16 ? Dtype.BF16 : Dtype.F32;
    try (SafetensorsFile file = Golden.tensors("training/" + name + ".safetensors");
        Scope _ = new Scope()) {
      Tensor latents = Golden.tensor(file, "in/latents");
      String kind = file.names().contains("in/normal") ? "in/normal" : "in/uniform";
      NoisyLatents batch =
          words
              .objective()
              .blend(
                  latents, Golden.tensor(file, "in/noise"), Golden.tensor(file, kind), null, dtype);
      Golden.assertClose(
          "noisy", batch.noisy(), Golden.tensor(file, "out/noisy").squeeze(2), bf16 ? 0 : 1e-6);
      Golden.assertClose(
          "timesteps", batch.timesteps(), Golden.tensor(file, "out/timesteps"), bf16 ? 0 : 2e-7);

      Tensor mask =
          file.names().contains("in/alpha_mask")
              ? LossMask.ofAlpha(
                  Golden.tensor(file, "in/alpha_mask"), latents.size(-2), latents.size(-1))
              : null;
      Tensor loss =
          words
              .objective()
              .loss(
                  Golden.tensor(file, "out/pred").squeeze(2),
                  batch,
                  mask,
                  Golden.tensor(file, "in/loss_weights"));
      double expected = run.get("loss").doubleValue();
      assertThat(loss.item()).isCloseTo(expected, within(REL * expected));
    }
  }

  @Test
  void perturbedInputFollowsTheReference() {
    Objective objective = new FlagWords("--ip_noise_gamma=0.1").objective();
    try (SafetensorsFile file = Golden.tensors("training/loop_ip_noise.safetensors");
        Scope _ = new Scope()) {
      Tensor noise = Golden.tensor(file, "step0/noise");
      Tensor latents = Golden.tensor(file, "step0/latents");
      Tensor perturbation = Golden.tensor(file, "step0/ip_noise").mul(0.1);
      Tensor draws = Golden.tensor(file, "step0/normal");
      NoisyLatents plain = objective.blend(latents, noise, draws, null, Dtype.F32);
      NoisyLatents perturbed = objective.blend(latents, noise, draws, perturbation, Dtype.F32);

      Golden.assertClose("target", perturbed.target(), plain.target(), 0);
      Golden.assertClose(
          "noisy", perturbed.noisy().sub(plain.noisy()), perturbation.mul(plain.sigmas()), 1e-6);
    }
  }

  @Test
  void offsetsMoveTimesWithinTheirRange() {
    Objective flags = new FlagWords().objective();
    Objective objective =
        new Objective(
            flags.sampling(),
            flags.weighting(),
            flags.elementLoss(),
            flags.noiseOptions(),
            flags.ipNoise(),
            Optional.of(new TimestepRange(100, 900)));
    try (Scope _ = new Scope();
        RandomStream a = RandomStream.cpu(3);
        RandomStream b = RandomStream.cpu(3)) {
      Tensor latents = Ops.zeros(Dtype.F32, Device.CPU, 3, 16, 4, 4);
      Tensor offsets = Ops.of(new float[] {0, 0.25f, -0.8f}, 3);
      NoisyLatents plain = objective.draw(latents, a, a, Dtype.F32);
      NoisyLatents moved = objective.draw(latents, b, b, Dtype.F32, offsets);

      float[] before = plain.sigmas().toFloats();
      float[] after = moved.sigmas().toFloats();
      assertThat(after[0]).isEqualTo(before[0]);
      assertThat(after[1]).isEqualTo(Math.min(before[1] + 0.25f, 0.9f));
      assertThat(after[2]).isEqualTo(0.1f);
      Golden.assertClose("times", moved.timesteps(), moved.sigmas().view(-1), 1e-7);
      Golden.assertClose("the same noise", moved.target(), plain.target(), 0);
    }
  }

  enum Kind {
    L1,
    L2,
    HUBER,
    SMOOTH_L1
  }

  @ParameterizedTest
  @EnumSource
  void theGradientIsThatOfTheLoss(Kind kind) {
    Objective objective =
        new FlagWords(
                "--loss_type=" + kind.name().toLowerCase(Locale.ROOT),
                "--huber_schedule=constant",
                "--weighting_scheme=cosmap")
            .objective();
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(9)) {
      Tensor latents = random.randn(Dtype.F32, 2, 3, 4, 4);
      NoisyLatents batch = objective.draw(latents, random, random, Dtype.F32);
      Tensor prediction = random.randn(Dtype.F32, 2, 3, 4, 4);
      Tensor direction = random.randn(Dtype.F32, 2, 3, 4, 4);
      Tensor mask = random.rand(Dtype.F32, 2, 1, 4, 4);
      Tensor weights = Ops.of(new float[] {1, 0.5f}, 2);
      Objective.LossAndGradient result =
          objective.lossAndGradient(prediction, batch, mask, weights, 3);

      double h = 1e-3;
      double up = objective.loss(prediction.add(direction, h), batch, mask, weights).item();
      double down = objective.loss(prediction.add(direction, -h), batch, mask, weights).item();
      double slope = result.gradient().mul(direction).sum().item();
      assertThat(slope).isCloseTo(3 * (up - down) / (2 * h), within(2e-3));
      assertThat(result.loss().item())
          .isEqualTo(objective.loss(prediction, batch, mask, weights).item());
      assertThat(result.loss().requiresGrad()).isFalse();
    }
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "--timestep_sampling=sigmod  | did you mean \"sigmoid\"?",
        "--loss_type=mse             | l1, l2, huber, smooth_l1",
        "--weighting_scheme=cosmap2  | did you mean \"cosmap\"?"
      })
  void unknownNamesGetAHint(String flag, String message) {
    assertThatThrownBy(() -> new FlagWords(flag).objective())
        .isInstanceOf(InputException.class)
        .hasMessageContaining(flag)
        .hasMessageContaining(message);
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "--discrete_flow_shift=3, --timestep_sampling=sigmoid, 1",
    "--discrete_flow_shift=3, --timestep_sampling=shift, 0",
    "--weighting_scheme=mode, --timestep_sampling=uniform, 1",
    "--weighting_scheme=mode, --timestep_sampling=sigma, 0",
    "--loss_type=huber, --huber_schedule=exponential, 1",
    "--loss_type=huber, --huber_schedule=constant, 0"
  })
  void flagsWithoutEffectAreNamed(String one, String other, int warnings) {
    assertThat(new FlagWords(one, other).flags().warnings()).hasSize(warnings);
  }

  private static void assertRelative(Tensor actual, Tensor expected) {
    assertRelative(actual, expected, 0);
  }

  private static void assertRelative(Tensor actual, Tensor expected, double floor) {
    assertThat(actual.shape()).isEqualTo(expected.shape());
    double[] ours = actual.toDoubles();
    double[] theirs = expected.toDoubles();
    for (int i = 0; i < ours.length; i++) {
      assertThat(ours[i]).isCloseTo(theirs[i], within(REL * Math.abs(theirs[i]) + floor));
    }
  }
}
