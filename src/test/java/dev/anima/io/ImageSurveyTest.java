package dev.anima.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class ImageSurveyTest {
  @TempDir Path folder;

  static List<String> files() {
    return Golden.json("formats/index.json")
        .get("files")
        .valueStream()
        .map((JsonNode file) -> file.get("file").stringValue())
        .toList();
  }

  @ParameterizedTest
  @MethodSource("files")
  void tellsWhatDecodingTells(String name) {
    Path file = Golden.path("formats/" + name);
    ImageSurvey survey = ImageSurvey.of(file);
    assertThat(survey.header()).isEqualTo(ImageFile.header(file));
    assertThat(survey.orientation()).isEqualTo(ImageFile.exifOrientation(file));
    byte[] pixels = ImageFile.loadWithAlpha(file).data();
    boolean transparent = false;
    for (int i = 3; i < pixels.length; i += 4) {
      transparent |= pixels[i] != (byte) 255;
    }
    if (transparent) {
      assertThat(survey.hasAlpha()).isTrue();
    }
  }

  /// Of a GIF only the first picture counts, of run lengths only decoding knows the end.
  static List<String> filesWithAnEnd() {
    return files().stream()
        .filter(name -> !name.endsWith(".gif") && !name.contains("rle"))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("filesWithAnEnd")
  void noticesThatTheEndIsMissing(String name) throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("formats/" + name));
    Path file = folder.resolve(name);
    Files.write(file, Arrays.copyOf(whole, whole.length - 3));
    assertThatThrownBy(() -> ImageSurvey.of(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(name)
        .hasMessageContaining("cut off");
  }

  @Test
  void opaqueImagesNeedNoSecondLook() {
    for (String name : List.of("rgb16.png", "rgb24.bmp", "lossy.webp", "grey.jpg")) {
      assertThat(ImageSurvey.of(Golden.path("formats/" + name)).hasAlpha()).as(name).isFalse();
    }
  }

  @Test
  void aFolderIsNoImage() {
    assertThatThrownBy(() -> ImageSurvey.of(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is a folder");
  }
}
