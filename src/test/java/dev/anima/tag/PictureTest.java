package dev.anima.tag;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.io.ImageFile;
import dev.anima.io.InputException;
import dev.anima.io.Pixels;
import dev.anima.io.PngWriter;
import dev.anima.tag.DemoTagger.Expected;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class PictureTest {
  private static final int SIDE = 448;

  @TempDir Path folder;

  static List<String> cases() {
    return preprocess().map(node -> node.get("image").asString()).toList();
  }

  static Stream<Expected> demo() {
    return DemoTagger.expected();
  }

  private static Stream<JsonNode> preprocess() {
    return Golden.json("tagger/cases.json").get("preprocess").get("cases").valueStream();
  }

  private static String blueFirstHash(Pixels rgb) throws Exception {
    byte[] bytes = rgb.data().clone();
    for (int i = 0; i < bytes.length; i += 3) {
      byte red = bytes[i];
      bytes[i] = bytes[i + 2];
      bytes[i + 2] = red;
    }
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void isToTheByteWhatTheReferenceMakesOfIt(String image) throws Exception {
    JsonNode expected =
        preprocess().filter(n -> n.get("image").asString().equals(image)).findFirst().orElseThrow();
    Pixels actual =
        Picture.prepare(Golden.path("tagger/" + image), Profile.SD_SCRIPTS, SIDE).pixels();

    assertThat(actual.data())
        .isEqualTo(
            ImageFile.load(Golden.path("tagger/" + expected.get("expected_rgb_png").asString()))
                .data());
    assertThat(blueFirstHash(actual))
        .isEqualTo(expected.get("sha256_of_uint8_bgr_bytes").asString());
  }

  @ParameterizedTest
  @MethodSource("demo")
  void isToTheByteRightForTheDemosPictures(Expected expected) throws Exception {
    Path file = expected.in(folder);
    for (Profile profile : List.of(Profile.SD_SCRIPTS, Profile.TAGGUI)) {
      String key = profile.flag().replace('-', '_');
      assertThat(blueFirstHash(Picture.prepare(file, profile, SIDE).pixels()))
          .as(key)
          .isEqualTo(expected.node().get(key).get("network_input_sha256").asString());
    }
  }

  /// The hashes are of what the program's own Python code makes with Pillow 13.
  @ParameterizedTest
  @CsvSource({
    "pre_down_rgb_500x460.png, 95b5854eac76515faf9992ec0648e601bf75cf6ab2fd43b505f9946428ec017c",
    "pre_gray_31x30.png, ae8e0b25c092afe2c0fdaf4dab4836b8f6780cf996d24a98b2c6c26874a076d9",
    "pre_palette_transparent_30x30.png, 1fe568df2a263ac2e62b23b029b8ba332269830ffd1bb5d5fdbd59678e536e45",
    "pre_same_rgb_448x300.png, 641dcec3158fa8e486b337ed9ee975c5984e3c863b33b3ec2e1d31c16da651c5",
    "pre_up_rgb_90x60.png, 1a32f76185bb22265b74a9539934e32c0ddb95bf19f38d4e35ace4ccceaff0f6",
    "pre_up_rgba_40x64.png, 18f5041e04636abc9abc99e8c9e3e08a0e330ed81c2a06ffced24af0bd86eb33"
  })
  void isToTheByteWhatBooruDatasetTagManagerMakesOfIt(String image, String hash) throws Exception {
    assertThat(
            blueFirstHash(
                Picture.prepare(Golden.path("tagger/" + image), Profile.BDTM, SIDE).pixels()))
        .isEqualTo(hash);
  }

  @Test
  void takesStripsOfOnePixel() {
    for (int[] size : new int[][] {{1, 700}, {700, 1}, {1, 1}}) {
      Path strip = folder.resolve("strip.png");
      PngWriter.write(strip, Pixels.blank(size[0], size[1], 3));
      for (Profile profile : Profile.values()) {
        Picture.Prepared prepared = Picture.prepare(strip, profile, SIDE);
        assertThat(prepared.pixels().toString()).isEqualTo("Pixels[448x448x3]");
        assertThat(List.of(prepared.width(), prepared.height())).containsExactly(size[0], size[1]);
      }
    }
  }

  @Test
  void refusesAStripWhoseSquareFillsTheMemory() {
    Path strip = folder.resolve("strip.png");
    PngWriter.write(strip, Pixels.blank(20_000, 1, 3));
    Assertions.assertThatThrownBy(() -> Picture.prepare(strip, Profile.SD_SCRIPTS, SIDE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("strip.png: is 20000x1: the square around it has more than");
  }

  /// Every orientation, on a picture of six different pixels.
  @ParameterizedTest
  @CsvSource({
    "1, 123456, 3", "2, 321654, 3", "3, 654321, 3", "4, 456123, 3",
    "5, 142536, 2", "6, 415263, 2", "7, 635241, 2", "8, 362514, 2"
  })
  void turnsUpright(int orientation, String expected, int width) {
    Pixels turned =
        Orientation.upright(new Pixels(3, 2, 1, new byte[] {1, 2, 3, 4, 5, 6}), orientation);
    StringBuilder seen = new StringBuilder();
    for (byte value : turned.data()) {
      seen.append(value);
    }
    assertThat(seen).hasToString(expected);
    assertThat(turned.width()).isEqualTo(width);
  }
}
