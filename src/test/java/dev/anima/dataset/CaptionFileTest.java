package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CaptionFileTest {
  @TempDir Path folder;

  @Test
  void takesTheFirstLineWithoutItsWhiteSpace() throws IOException {
    assertThat(read("  a, b\u00a0\r\nsecond\r\n", false)).isEqualTo("a, b");
    assertThat(read("\n\nlater\n", false)).isEmpty();
    assertThat(read("old mac\rsecond", false)).isEqualTo("old mac");
  }

  @Test
  void keepsAllLinesForWildcards() throws IOException {
    assertThat(read(" a \n\n \t\nb\r\nc", true)).isEqualTo("a\nb\nc");
    assertThat(read("\n \n", true)).isEmpty();
  }

  @Test
  void aByteOrderMarkStaysInTheFirstTagAndIsTold() throws IOException {
    Path file = Files.writeString(folder.resolve("bom.txt"), "\ufeff1girl, hat");
    assertThat(CaptionFile.read(file, false))
        .isEqualTo(new CaptionFile.Text("\ufeff1girl, hat", true));
  }

  @Test
  void otherEncodingsAreNamedWithFileAndPosition() throws IOException {
    Path file = folder.resolve("latin.txt");
    Files.write(file, "ok\nBr\u00fccke".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> CaptionFile.read(file, false))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("latin.txt")
        .hasMessageContaining("0xfc at position 5 (line 2)");
  }

  @Test
  void anEmptyFileIsRefused() throws IOException {
    Path file = Files.createFile(folder.resolve("empty.txt"));
    assertThatThrownBy(() -> CaptionFile.read(file, false))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("empty.txt");
  }

  @Test
  void findsTheCaptionOfTheSameStemOrOfTheStemWithoutTheFace() throws IOException {
    Path own = Files.writeString(folder.resolve("img.txt"), "x");
    assertThat(CaptionFile.find(folder.resolve("img.png").toString(), "txt")).contains(own);
    assertThat(CaptionFile.find(folder.resolve("img_10_20_30_40.png").toString(), ".txt"))
        .contains(own);
    assertThat(CaptionFile.find(folder.resolve("other.png").toString(), ".txt")).isEmpty();
  }

  @Test
  void stemsAndNamesAreCutAsPythonDoes() {
    assertThat(
            List.of("a/b.c.png", "a.b/c", ".hidden", "..x.png", "a/.x").stream()
                .map(CaptionFile::stem))
        .containsExactly("a/b.c", "a.b/c", ".hidden", "..x", "a/.x");
    assertThat(CaptionFile.name("x/girl_a")).isEqualTo("girl_a");
    assertThat(CaptionFile.name("x/girl_a/")).isEmpty();
  }

  private String read(String text, boolean everyLine) throws IOException {
    return CaptionFile.read(Files.writeString(folder.resolve("c.txt"), text), everyLine).caption();
  }
}
