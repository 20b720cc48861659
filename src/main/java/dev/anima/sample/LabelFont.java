package dev.anima.sample;

import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;
import javax.imageio.ImageIO;

/// Small text for contact sheets, from a bitmap in the program (DejaVu Sans at 14 pixels).
///
/// The JDK's own text drawing needs fonts installed on the system; servers and containers often
/// have none.
final class LabelFont {
  /// Height of a line in pixels.
  static final int LINE_HEIGHT = 18;

  private static final int FIRST = ' ';
  private static final int[] ADVANCES = {
    4, 6, 6, 12, 9, 13, 11, 4, 5, 5, 7, 12, 4, 5, 4, 5, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 5, 5, 12, 12,
    12, 7, 14, 10, 10, 10, 11, 9, 8, 11, 11, 4, 4, 9, 8, 12, 10, 11, 8, 11, 10, 9, 9, 10, 10, 14,
    10, 9, 10, 5, 5, 5, 12, 7, 7, 9, 9, 8, 9, 9, 5, 9, 9, 4, 4, 8, 4, 14, 9, 9, 9, 9, 6, 7, 5, 9, 8,
    11, 8, 8, 7, 9, 5, 9, 12
  };

  /// Glyph cells are this much wider than their advance, half on each side.
  private static final int CELL_PADDING = 2;

  private static final Raster ATLAS = load();

  private LabelFont() {}

  static int width(String text) {
    return text.chars().map(c -> ADVANCES[index(c)]).sum();
  }

  /// The longest beginning of `text` that fits `pixels`, with `...` where something was cut.
  static String fit(String text, int pixels) {
    if (width(text) <= pixels) {
      return text;
    }
    int length = text.length();
    while (length > 0 && width(text.substring(0, length) + "...") > pixels) {
      length--;
    }
    return text.substring(0, length) + "...";
  }

  /// Draws `text` in `rgb` with its upper left corner at (`left`, `top`), clipped to the image.
  static void draw(BufferedImage image, String text, int left, int top, int rgb) {
    int x = left;
    for (int c : text.chars().toArray()) {
      drawGlyph(image, index(c), x, top, rgb);
      x += ADVANCES[index(c)];
    }
  }

  private static void drawGlyph(BufferedImage image, int index, int left, int top, int rgb) {
    int cell = 0;
    for (int i = 0; i < index; i++) {
      cell += ADVANCES[i] + CELL_PADDING;
    }
    for (int dy = 0; dy < LINE_HEIGHT; dy++) {
      for (int dx = 0; dx < ADVANCES[index] + CELL_PADDING; dx++) {
        int x = left + dx - CELL_PADDING / 2;
        int y = top + dy;
        int coverage = ATLAS.getSample(cell + dx, dy, 0);
        if (coverage > 0 && x >= 0 && y >= 0 && x < image.getWidth() && y < image.getHeight()) {
          image.setRGB(x, y, blend(image.getRGB(x, y), rgb, coverage));
        }
      }
    }
  }

  private static int blend(int below, int above, int coverage) {
    int result = 0;
    for (int shift = 0; shift <= 16; shift += 8) {
      int b = (below >> shift) & 0xFF;
      int a = (above >> shift) & 0xFF;
      result |= (b + (a - b) * coverage / 255) << shift;
    }
    return result | 0xFF000000;
  }

  /// Position of a character in the font; those it lacks show as a question mark.
  private static int index(int c) {
    int index = c - FIRST;
    return index >= 0 && index < ADVANCES.length ? index : '?' - FIRST;
  }

  private static Raster load() {
    try (InputStream stream = LabelFont.class.getResourceAsStream("label-font.png")) {
      return ImageIO.read(Objects.requireNonNull(stream)).getRaster();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
