package dev.anima.tag;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CaptionStyleTest {
  private static CaptionStyle style(boolean newline, CaptionStyle.Mode mode, boolean exact) {
    return new CaptionStyle(".txt", ", ", newline, mode, exact);
  }

  private static String unescaped(String text) {
    return text.replace("\\r", "\r").replace("\\n", "\n").replace("BOM", "\ufeff");
  }

  /// New tags go behind the first line, which is the one that a training reads; the rest stays.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "may, 1girl | true | may, 1girl, hat\\n",
        "may, 1girl | false | may, 1girl, hat",
        "may,1girl ,  solo\\n | false | may, 1girl, solo, hat\\n",
        "BOMmay, 1girl\\r\\n | true | may, 1girl, hat\\r\\n",
        "a, b\\nline two\\n | true | a, b, hat\\nline two\\n",
        "a, hat\\n\\n | true | a, hat\\n",
        "photo \\(medium\\), (smile:1.2), :) | false | photo \\(medium\\), (smile:1.2), :), hat",
        "\\n | true | hat\\n"
      })
  void appendsToTheFirstLine(String before, boolean newline, String after) {
    assertThat(
            style(newline, CaptionStyle.Mode.APPEND, false)
                .content(Optional.of(unescaped(before)), List.of("hat")))
        .isEqualTo(unescaped(after));
  }

  @Test
  void treatsAllLinesAsOneIfTheReferenceIsWanted() {
    assertThat(
            style(true, CaptionStyle.Mode.APPEND, true)
                .content(Optional.of("a, b\nline two\n"), List.of("hat")))
        .isEqualTo("a, b\nline two, hat\n");
  }

  @Test
  void neverWritesAnEmptyFile() {
    for (CaptionStyle.Mode mode : CaptionStyle.Mode.values()) {
      for (boolean newline : new boolean[] {false, true}) {
        assertThat(style(newline, mode, false).content(Optional.empty(), List.of()))
            .isEqualTo("\n");
        assertThat(style(newline, mode, false).content(Optional.of(""), List.of())).isEqualTo("\n");
      }
    }
  }

  @Test
  void putsTheExtensionInThePlaceOfThePicturesOwn() {
    CaptionStyle style = new CaptionStyle("txt", ", ", true, CaptionStyle.Mode.REPLACE, false);
    assertThat(style.fileOf(Path.of("d.1", "a.b.png"))).isEqualTo(Path.of("d.1", "a.btxt"));
  }
}
