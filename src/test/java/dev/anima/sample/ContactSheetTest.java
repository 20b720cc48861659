package dev.anima.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.util.List;
import org.junit.jupiter.api.Test;

class ContactSheetTest {
  @Test
  void putsEveryPictureInItsCell() {
    BufferedImage red = plain(16, 8, 0xFFFF0000);
    BufferedImage blue = plain(16, 8, 0xFF0000FF);

    BufferedImage sheet =
        ContactSheet.draw(
            "title",
            List.of("before", "after"),
            List.of(
                new ContactSheet.Row("first", List.of(red, blue)),
                new ContactSheet.Row("second", List.of(blue, red))),
            List.of("footer"),
            2);

    assertThat(count(sheet, 0xFFFF0000)).isEqualTo(2 * 16 * 8 * 4);
    assertThat(count(sheet, 0xFF0000FF)).isEqualTo(2 * 16 * 8 * 4);
    assertThat(count(sheet, 0xFF101010)).as("solid pixels of the title").isPositive();
  }

  @Test
  void everyRowNeedsAPictureForEveryColumn() {
    List<ContactSheet.Row> rows =
        List.of(new ContactSheet.Row("one", List.of(plain(8, 8, 0xFF000000))));

    assertThatThrownBy(
            () -> ContactSheet.draw("title", List.of("before", "after"), rows, List.of(), 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2 columns with a row of 1 pictures");
  }

  @Test
  void longLabelsAreCut() {
    String cut = LabelFont.fit("a prompt that is far too long for the picture above it", 100);

    assertThat(cut).startsWith("a prompt").endsWith("...");
    assertThat(LabelFont.width(cut)).isLessThanOrEqualTo(100);
    assertThat(LabelFont.fit("short", 100)).isEqualTo("short");
  }

  @Test
  void unknownCharactersShowAsQuestionMarks() {
    assertThat(LabelFont.width("\u00e9\u3042")).isEqualTo(LabelFont.width("??"));
  }

  private static BufferedImage plain(int width, int height, int rgb) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        image.setRGB(x, y, rgb);
      }
    }
    return image;
  }

  private static long count(BufferedImage image, int rgb) {
    long count = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        count += image.getRGB(x, y) == rgb ? 1 : 0;
      }
    }
    return count;
  }
}
