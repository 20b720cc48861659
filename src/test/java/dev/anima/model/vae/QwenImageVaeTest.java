package dev.anima.model.vae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.model.GoldenCase;
import dev.anima.model.Placement;
import dev.anima.model.TestHeaders;
import dev.anima.model.vae.QwenImageVae.Half;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class QwenImageVaeTest {
  private static final Path FILE = Golden.path("tiny/vae.safetensors");

  @ParameterizedTest(name = "{0}, {1} rows at a time")
  @CsvSource({
    "vae/encode_64x64, 0",
    "vae/encode_56x96, 0",
    "vae/encode_64x64, 15",
    "vae/encode_56x96, 16"
  })
  void latentsMatchTheReference(String name, int rows) {
    GoldenCase golden = GoldenCase.named(name);
    try (Scope _ = new Scope();
        QwenImageVae vae = QwenImageVae.load(FILE, Placement.CPU_F32, Half.ENCODER, rows)) {
      Tensor pixels = golden.input("pixels");
      QwenImageVae.Moments moments = vae.moments(pixels);

      golden.check("mean", moments.mean().unsqueeze(2));
      golden.check("logvar", moments.logVariance().unsqueeze(2));
      golden.check("latents", vae.encode(pixels));
    }
  }

  @ParameterizedTest(name = "{0}, {1} rows at a time")
  @CsvSource({
    "vae/decode_64x64, 0",
    "vae/decode_56x96, 0",
    "vae/decode_64x64, 16",
    "vae/decode_56x96, 6"
  })
  void pixelsMatchTheReference(String name, int rows) {
    GoldenCase golden = GoldenCase.named(name);
    try (Scope _ = new Scope();
        QwenImageVae vae = QwenImageVae.load(FILE, Placement.CPU_F32, Half.DECODER, rows)) {
      Tensor latents = golden.input("latents");

      golden.check("pixels", vae.decode(latents));
      golden.check("pixels", vae.decode(latents.unsqueeze(2)));
    }
  }

  @ParameterizedTest
  @CsvSource({"vae/encode_64x64", "vae/encode_56x96"})
  void soDoThoseOfThePlainVideoEncoder(String name) {
    GoldenCase golden = GoldenCase.named(name);
    try (Scope _ = new Scope();
        VideoEncoder video = VideoEncoder.load(FILE, Placement.CPU_F32)) {
      QwenImageVae.Moments moments = video.moments(golden.input("pixels"));

      golden.check("mean", moments.mean());
      golden.check("logvar", moments.logVariance());
    }
  }

  @Test
  void withMadeUpWeightsBothEncodersAgree() {
    try (Scope _ = new Scope();
        QwenImageVae vae = QwenImageVae.random(Placement.CPU_F32, Half.ENCODER, 1);
        VideoEncoder video = VideoEncoder.random(Placement.CPU_F32, 1)) {
      Tensor pixels = GoldenCase.named("vae/encode_64x64").input("pixels");

      Tensor flat = vae.moments(pixels).mean();
      Tensor deep = video.moments(pixels).mean().squeeze(2);

      assertThat(flat.norm().item()).isFinite().isPositive();
      assertThat(flat.sub(deep).norm().item()).isLessThan(1e-4 * deep.norm().item());
    }
  }

  @Test
  void bfloat16StaysClose() {
    GoldenCase golden = GoldenCase.named("vae/encode_64x64");
    Placement bf16 = Placement.of(Device.CPU, Dtype.BF16);
    try (Scope _ = new Scope();
        QwenImageVae vae = QwenImageVae.load(FILE, bf16, Half.BOTH, 0)) {
      Tensor latents = vae.encode(golden.input("pixels").to(Dtype.BF16));
      Tensor expected = golden.output("latents");

      assertThat(latents.dtype()).isEqualTo(Dtype.BF16);
      double error = latents.to(Dtype.F32).sub(expected).norm().item();
      assertThat(error / expected.norm().item()).isLessThan(0.03);
    }
  }

  @Test
  void aHalfThatWasNotLoadedSaysSo() {
    try (Scope _ = new Scope();
        QwenImageVae vae = QwenImageVae.load(FILE, Placement.CPU_F32, Half.ENCODER, 0)) {
      Tensor latents = GoldenCase.named("vae/decode_64x64").input("latents");
      assertThatThrownBy(() -> vae.decode(latents)).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void bothSpellingsOfTheFullSizeFileAreComplete(@TempDir Path folder) {
    Map<String, List<Long>> single = new LinkedHashMap<>();
    Map<String, List<Long>> library = new LinkedHashMap<>();
    Golden.json("models/checkpoint_keys.json")
        .get("vae")
        .propertyStream()
        .forEach(e -> {
          List<Long> shape =
              e.getValue().get("shape").valueStream().map(JsonNode::longValue).toList();
          String name = e.getValue().get("library_name").stringValue();
          assertThat(VaeNames.SINGLE_FILE.inFile(name)).isEqualTo(e.getKey());
          single.put(e.getKey(), shape);
          library.put(name, shape);
        });
    for (Map<String, List<Long>> shapes : List.of(single, library)) {
      Path file = folder.resolve("vae.safetensors");
      TestHeaders.write(file, shapes);
      assertThatCode(() -> QwenImageVae.check(file)).doesNotThrowAnyException();
    }
    assertThat(VaeConfig.of(folder, single).base()).isEqualTo(96);
    assertThat(VaeConfig.of(folder, single).layout().expected()).hasSize(194);
  }

  @Test
  void wrongFilesAreNamed() {
    assertThatThrownBy(() -> QwenImageVae.check(Golden.path("tiny/dit.safetensors")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("this looks like an Anima DiT, expected a Qwen-Image VAE");
  }
}
