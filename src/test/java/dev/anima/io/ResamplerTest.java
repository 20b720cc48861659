package dev.anima.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class ResamplerTest {
  static List<String> cases() {
    return Golden.json("images/index.json")
        .path("cases")
        .valueStream()
        .map(c -> c.path("expected").asString())
        .toList();
  }

  private static JsonNode goldenCase(String expected) {
    return Golden.json("images/index.json")
        .path("cases")
        .valueStream()
        .filter(c -> c.path("expected").asString().equals(expected))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void decodesResizesAndCropsAsTheReference(String name) throws IOException {
    JsonNode c = goldenCase(name);
    var file = Golden.path("images/" + c.path("image").asString());
    boolean withAlpha = c.path("load_alpha").booleanValue();
    Pixels image = withAlpha ? ImageFile.loadWithAlpha(file) : ImageFile.load(file);
    int width = c.path("resized").get(0).intValue();
    int height = c.path("resized").get(1).intValue();
    JsonNode method = c.path("resize_interpolation");
    Interpolation interpolation =
        method.isNull()
            ? Interpolation.automatic(image.width(), image.height(), width, height)
            : Interpolation.parse("case", method.asString());
    if (method.isNull() && !c.path("method").asString().equals("none")) {
      assertThat(interpolation.name().toLowerCase(Locale.ROOT))
          .isEqualTo(c.path("method").asString());
    }
    Pixels resized = Resampler.resize(image, width, height, interpolation);
    int bucketWidth = c.path("bucket").get(0).intValue();
    int bucketHeight = c.path("bucket").get(1).intValue();
    Pixels actual =
        resized.crop(
            (width - bucketWidth) / 2, (height - bucketHeight) / 2, bucketWidth, bucketHeight);

    Pixels expected = Npy.pixels(Golden.path("images/" + name));
    JsonNode tolerance = c.path("tolerance");
    // the clipped 16-bit grey depends on Pillow's version; ours is that of the golden data
    int maxAbs = tolerance.path("max_abs").asInt(0);
    PixelsAssert.assertClose(name, actual, expected, maxAbs);
    if (tolerance.has("mean_abs")) {
      assertThat(PixelsAssert.meanAbsDiff(actual, expected))
          .isLessThanOrEqualTo(tolerance.path("mean_abs").doubleValue());
    }
  }

  @Test
  void namesOfTheReference() {
    assertThat(Interpolation.parse("", "linear")).isEqualTo(Interpolation.LINEAR);
    assertThat(Interpolation.parse("", "bilinear")).isEqualTo(Interpolation.LINEAR);
    assertThat(Interpolation.parse("", "cubic")).isEqualTo(Interpolation.CUBIC);
    assertThat(Interpolation.parse("", "box")).isEqualTo(Interpolation.BOX);
    assertThatThrownBy(() -> Interpolation.parse("--resize_interpolation", "Lanczos"))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--resize_interpolation: unknown interpolation \"Lanczos\", expected one of lanczos,"
                + " nearest, bilinear, linear, bicubic, cubic, area, box");
  }

  @Test
  void anImageOfTheRightSizeIsReturnedAsItIs() {
    Pixels image = Pixels.blank(3, 2, 3);
    for (Interpolation interpolation : Interpolation.values()) {
      assertThat(Resampler.resize(image, 3, 2, interpolation)).isSameAs(image);
    }
  }

  @ParameterizedTest
  @MethodSource("methods")
  void aFlatImageStaysFlat(Interpolation interpolation) {
    Pixels image = Pixels.blank(37, 23, 4);
    Arrays.fill(image.data(), (byte) 255);
    for (int[] size : new int[][] {{1, 1}, {80, 50}, {37, 5}, {12, 23}, {300, 1}}) {
      Pixels resized = Resampler.resize(image, size[0], size[1], interpolation);
      assertThat(resized.width()).isEqualTo(size[0]);
      assertThat(resized.height()).isEqualTo(size[1]);
      assertThat(resized.data()).containsOnly((byte) 255);
    }
  }

  static Interpolation[] methods() {
    return Interpolation.values();
  }
}
