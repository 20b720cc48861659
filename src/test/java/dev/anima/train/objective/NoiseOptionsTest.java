package dev.anima.train.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.engine.Dtype;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class NoiseOptionsTest {
  private static final JsonNode INDEX = Golden.json("training/noise_options.json");

  static Stream<Arguments> recorded() {
    return INDEX
        .get("cases")
        .valueStream()
        .map(entry -> Arguments.of(entry.get("flags").toString(), entry));
  }

  /// The reference's own functions from the same seed: latents, noise, what the options draw, and
  /// one number more, which shows that nothing else was drawn.
  @ParameterizedTest(name = "{0}")
  @MethodSource("recorded")
  void followTheReferencesFormulas(String name, JsonNode entry) {
    String prefix = "case" + entry.get("case").intValue();
    Deque<Double> uniform = new ArrayDeque<>();
    entry.get("python_random").forEach(number -> uniform.add(number.doubleValue()));
    try (SafetensorsFile file = Golden.tensors("training/noise_options.safetensors");
        Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(entry.get("seed").longValue())) {
      Tensor latents = random.randn(Dtype.F32, shape());
      Tensor noise = random.randn(Dtype.F32, shape());

      Tensor shaped = options(entry.get("flags")).applied(noise, latents, random, uniform::pop);

      Golden.assertClose(name, shaped, Golden.tensor(file, prefix + "/noise"), 2e-6);
      assertThat(uniform).isEmpty();
      assertThat(random.rand(Dtype.F32, 1).item())
          .isEqualTo(Golden.tensor(file, prefix + "/next").item());
    }
  }

  @Test
  void theTargetFollowsTheChangedNoise() {
    NoiseOptions options = new NoiseOptions(0.5, false, OptionalDouble.empty(), 0, 0.3);
    Objective plain = new FlagWords("--timestep_sampling=uniform").objective();
    Objective shaped =
        new Objective(
            plain.sampling(),
            plain.weighting(),
            plain.elementLoss(),
            options,
            plain.ipNoise(),
            plain.range());
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1)) {
      Tensor latents = random.randn(Dtype.F32, shape());
      NoisyLatents batch = shaped.draw(latents, random, random, Dtype.F32);
      Tensor noise = batch.target().add(latents);
      // Channels have means of their own now, far beyond those of 384 plain normal numbers.
      assertThat(noise.mean(false, 2, 3).abs().max().item()).isGreaterThan(0.3);
      Tensor blended = batch.sigmas().neg().add(1).mul(latents).add(batch.sigmas().mul(noise));
      Golden.assertClose("noisy", batch.noisy(), blended, 1e-6);
    }
  }

  @Test
  void withoutOptionsNothingIsDrawn() {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1);
        RandomStream untouched = RandomStream.cpu(1)) {
      Tensor noise =
          Golden.tensor(Golden.tensors("training/noise_options.safetensors"), "case0/noise");
      assertThat(NoiseOptions.NONE.applied(noise, noise, random, random)).isSameAs(noise);
      assertThat(random.state()).isEqualTo(untouched.state());
    }
  }

  /// Half precision latents have half precision noise, scaled in float32.
  @Test
  void keepTheDtypeOfTheNoise() {
    NoiseOptions options = new NoiseOptions(0.1, true, OptionalDouble.of(0.1), 6, 0.3);
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1)) {
      Tensor noise = random.randn(Dtype.BF16, shape());
      Tensor shaped = options.applied(noise, noise, random, random);
      assertThat(shaped.dtype()).isEqualTo(Dtype.BF16);
      assertThat(shaped.to(Dtype.F32).std().item()).isCloseTo(1, within(0.01));
    }
  }

  private static long[] shape() {
    return INDEX.get("shape").valueStream().mapToLong(JsonNode::longValue).toArray();
  }

  private static NoiseOptions options(JsonNode flags) {
    return new NoiseOptions(
        flags.path("noise_offset").asDouble(0),
        flags.path("noise_offset_random_strength").asBoolean(false),
        flags.has("adaptive_noise_scale")
            ? OptionalDouble.of(flags.get("adaptive_noise_scale").doubleValue())
            : OptionalDouble.empty(),
        flags.path("multires_noise_iterations").asInt(0),
        flags.path("multires_noise_discount").asDouble(0.3));
  }
}
