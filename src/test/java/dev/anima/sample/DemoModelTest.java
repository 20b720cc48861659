package dev.anima.sample;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.text.Qwen3;
import dev.anima.model.text.Tokenizers;
import dev.anima.model.vae.QwenImageVae;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// From a prompt to a picture with the embedded model, which was really trained: the words must
/// show.
class DemoModelTest {
  private static final Path DEMO = Path.of("src/main/resources/dev/anima/demo");

  /// Mean levels of a part of a picture, 0 to 255.
  private record Colour(double red, double green, double blue) {
    static Colour of(BufferedImage picture, int left, int top, int width, int height) {
      double[] sums = new double[3];
      for (int rgb : picture.getRGB(left, top, width, height, null, 0, width)) {
        for (int c = 0; c < 3; c++) {
          sums[c] += (rgb >> (16 - 8 * c)) & 0xFF;
        }
      }
      int pixels = width * height;
      return new Colour(sums[0] / pixels, sums[1] / pixels, sums[2] / pixels);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void theWordsShowInThePicture(Dtype dtype) {
    Placement placement = Placement.of(Device.CPU, dtype);
    try (Tokenizers tokenizers = new Tokenizers(DEMO.resolve("qwen3.safetensors"));
        AnimaDit dit = AnimaDit.load(DEMO.resolve("dit.safetensors"), placement);
        Qwen3 qwen3 = Qwen3.load(DEMO.resolve("qwen3.safetensors"), placement);
        PromptContexts contexts =
            new PromptContexts(tokenizers, qwen3, dit, PromptContexts.Lengths.DEFAULT);
        SamplePictures round =
            new SamplePictures(
                dit,
                Adapters.NONE,
                contexts,
                () ->
                    QwenImageVae.load(
                        DEMO.resolve("vae.safetensors"),
                        placement,
                        QwenImageVae.Half.DECODER,
                        0))) {
      BufferedImage blue =
          draw(round, "1girl, solo, blonde hair, smile, green dress, portrait, blue background");
      BufferedImage yellow =
          draw(round, "1girl, solo, blue hair, smile, red dress, upper body, yellow background");

      Colour behindBlue = Colour.of(blue, 2, 2, 12, 12);
      assertThat(behindBlue.blue()).as("%s", behindBlue).isGreaterThan(behindBlue.red() + 40);
      Colour behindYellow = Colour.of(yellow, 2, 2, 12, 12);
      assertThat(behindYellow.red()).as("%s", behindYellow).isGreaterThan(behindYellow.blue() + 40);
      Colour blonde = Colour.of(blue, 50, 24, 20, 10);
      assertThat(blonde.red()).as("%s", blonde).isGreaterThan(blonde.blue() + 40);
      Colour blueHair = Colour.of(yellow, 52, 16, 20, 8);
      assertThat(blueHair.blue()).as("%s", blueHair).isGreaterThan(blueHair.red() + 40);
      // at the bottom, in the middle
      Colour redDress = Colour.of(yellow, 56, 112, 16, 14);
      assertThat(redDress.red()).as("%s", redDress).isGreaterThan(redDress.green() + 40);
    }
  }

  private static BufferedImage draw(SamplePictures round, String prompt) {
    return round
        .draw(
            new SamplePrompt(0, prompt, "", 128, 128, OptionalLong.of(5), 20, 4, 3),
            SamplePictures.Listener.NONE)
        .orElseThrow();
  }
}
