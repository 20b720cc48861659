package dev.anima.sample;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.vae.QwenImageVae;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class EulerSamplerTest {
  record Case(JsonNode json) {
    String name() {
      return json.get("name").stringValue();
    }

    double number(String field) {
      return json.get(field).doubleValue();
    }

    @Override
    public String toString() {
      return name();
    }
  }

  static List<Case> cases() {
    return Golden.json("training/index.json")
        .get("sampling")
        .get("cases")
        .valueStream()
        .map(Case::new)
        .toList();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void everyStepMatchesTheReference(Case golden) {
    double bound = golden.json().get("tolerance").get("latents_max_abs").doubleValue();
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors("training/sampling.safetensors");
        AnimaDit dit = AnimaDit.load(Golden.path("tiny/dit.safetensors"), Placement.CPU_F32)) {
      Tensor noise = noise(golden);
      Golden.assertClose("noise", noise, Golden.tensor(file, golden.name() + "/noise"), 0);
      int steps = (int) golden.number("steps");
      Tensor sigmas =
          EulerSampler.sigmas(steps, golden.number("flow_shift"), Dtype.F32, Device.CPU);
      Golden.assertClose(
          "sigmas",
          sigmas.narrow(0, 0, steps),
          Golden.tensor(file, golden.name() + "/sigmas"),
          1e-6);

      Tensor expected = Golden.tensor(file, golden.name() + "/latents_by_step");
      List<Integer> seen = new ArrayList<>();
      Tensor latents =
          sampler(golden, file, dit)
              .sample(
                  noise,
                  sigmas,
                  (step, x) -> {
                    seen.add(step);
                    Golden.assertClose("after step " + step, x, expected.narrow(0, step, 1), bound);
                    return true;
                  });

      assertThat(seen).hasSize(steps);
      Golden.assertClose(
          "final", latents, Golden.tensor(file, golden.name() + "/final_latents"), bound);
      checkPicture(golden, file, latents);
    }
  }

  private static Tensor noise(Case golden) {
    try (RandomStream stream = RandomStream.cpu((long) golden.number("seed"))) {
      return stream.randn(
          Dtype.F32,
          1,
          16,
          1,
          (long) golden.number("height") / 8,
          (long) golden.number("width") / 8);
    }
  }

  private static EulerSampler sampler(Case golden, SafetensorsFile file, AnimaDit dit) {
    JsonNode negative = golden.json().get("negative");
    return new EulerSampler(
        velocity(dit, Golden.tensor(file, "context_positive")),
        negative.isNull() ? null : velocity(dit, Golden.tensor(file, negative.stringValue())),
        golden.number("guidance_scale"));
  }

  private static EulerSampler.Velocity velocity(AnimaDit dit, Tensor text) {
    return (latents, timesteps) -> dit.forward(latents, timesteps, text, Adapters.NONE);
  }

  private static void checkPicture(Case golden, SafetensorsFile file, Tensor latents) {
    try (QwenImageVae vae =
        QwenImageVae.load(
            Golden.path("tiny/vae.safetensors"), Placement.CPU_F32, QwenImageVae.Half.DECODER, 0)) {
      Tensor pixels = vae.decode(latents);
      byte[] expected = Golden.tensor(file, golden.name() + "/image_u8").toBytes();
      byte[] actual = DecodedPicture.rgb(pixels);
      int levels = golden.json().get("tolerance").get("image_levels").intValue();
      assertThat(actual).hasSameSizeAs(expected);
      int largest = 0;
      for (int i = 0; i < actual.length; i++) {
        largest = Math.max(largest, Math.abs((actual[i] & 0xFF) - (expected[i] & 0xFF)));
      }
      assertThat(largest).isLessThanOrEqualTo(levels);
    }
  }

  @Test
  void eightBitsAreCutNotRounded() {
    try (Scope _ = new Scope()) {
      // -1, just below one level, one and a half levels, beyond the range
      float[] values = {-1f, -1f + 1.9f / 255, -1f + 3f / 255, 1.5f};
      Tensor pixels = Ops.of(values, 1, 1, 4).expand(3, 1, 4);
      assertThat(DecodedPicture.rgb(pixels))
          .containsExactly(0, 0, 0, 0, 0, 0, 1, 1, 1, (byte) 255, (byte) 255, (byte) 255);
      assertThat(DecodedPicture.image(pixels).getRGB(3, 0)).isEqualTo(0xFFFFFFFF);
    }
  }

  @Test
  void aListenerCanStop() {
    try (Scope _ = new Scope()) {
      EulerSampler still = new EulerSampler((x, _) -> x.mul(0).add(1), null, 1);
      Tensor sigmas = EulerSampler.sigmas(4, 1, Dtype.F32, Device.CPU);
      Tensor start = Ops.zeros(Dtype.F32, Device.CPU, 1, 16, 2, 2);

      Tensor stopped = still.sample(start, sigmas, (step, _) -> step < 2);

      assertThat(stopped.max().item()).isEqualTo(-0.5);
      assertThat(still.sample(start, sigmas, EulerSampler.Progress.NONE).max().item())
          .isEqualTo(-1);
    }
  }
}
