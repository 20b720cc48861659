package dev.anima.sample;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.text.Qwen3;
import dev.anima.model.text.Tokenizers;
import dev.anima.model.text.Tokens;
import dev.anima.model.vae.QwenImageVae;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// From a prompt to a picture with the embedded model, which was really trained: the words must
/// show.
class DemoModelTest {
  private static final Path DEMO = Path.of("src/main/resources/dev/anima/demo");

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void theBackgroundHasTheColourOfThePrompt(Dtype dtype) {
    Placement placement = Placement.of(Device.CPU, dtype);
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        Tokenizers tokenizers = new Tokenizers(DEMO.resolve("qwen3.safetensors"));
        AnimaDit dit = AnimaDit.load(DEMO.resolve("dit.safetensors"), placement);
        Qwen3 qwen3 = Qwen3.load(DEMO.resolve("qwen3.safetensors"), placement);
        QwenImageVae vae =
            QwenImageVae.load(
                DEMO.resolve("vae.safetensors"), placement, QwenImageVae.Half.DECODER, 0)) {
      String prompt = "1girl, solo, brown hair, smile, white dress, portrait, %s background";
      Tensor negative = text(tokenizers, qwen3, dit, "");
      Tensor blue =
          corner(dit, vae, text(tokenizers, qwen3, dit, prompt.formatted("blue")), negative);
      Tensor yellow =
          corner(dit, vae, text(tokenizers, qwen3, dit, prompt.formatted("yellow")), negative);

      float[] b = blue.toFloats();
      float[] y = yellow.toFloats();
      assertThat(b[2]).as("blue is blue: %s", List.of(b[0], b[1], b[2])).isGreaterThan(b[0] + 0.3f);
      assertThat(y[0])
          .as("yellow is not: %s", List.of(y[0], y[1], y[2]))
          .isGreaterThan(y[2] + 0.3f);
    }
  }

  private static Tensor text(Tokenizers tokenizers, Qwen3 qwen3, AnimaDit dit, String prompt) {
    List<Tokens> source = List.of(tokenizers.qwen3().encode(prompt, 512));
    List<Tokens> target = List.of(tokenizers.t5().encode(prompt, 512));
    Tensor mask = Tokens.mask(source);
    int used = Tokens.longest(source);
    Tensor states = qwen3.encode(Tokens.ids(source), mask, used, Adapters.NONE);
    return dit.llmAdapter()
        .context(
            states,
            mask,
            Tokens.ids(target),
            Tokens.mask(target),
            used,
            Tokens.longest(target),
            Adapters.NONE);
  }

  // Mean colour (3) of the upper left corner of a 128 x 128 picture.
  private static Tensor corner(AnimaDit dit, QwenImageVae vae, Tensor text, Tensor negative) {
    Dtype dtype = dit.placement().dtype();
    EulerSampler sampler =
        new EulerSampler(
            (x, t) -> dit.forward(x, t, text, Adapters.NONE),
            (x, t) -> dit.forward(x, t, negative, Adapters.NONE),
            4);
    try (RandomStream random = RandomStream.cpu(5)) {
      Tensor noise = random.randn(Dtype.F32, 1, 16, 1, 16, 16).to(dtype);
      Tensor sigmas = EulerSampler.sigmas(10, 3, dtype, Device.CPU);
      Tensor pixels = vae.decode(sampler.sample(noise, sigmas, EulerSampler.Progress.NONE));
      assertThat(pixels.shape()).containsExactly(1, 3, 128, 128);
      return pixels.narrow(2, 0, 12).narrow(3, 0, 12).to(Dtype.F32).mean(false, 0, 2, 3);
    }
  }
}
