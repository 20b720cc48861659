package dev.anima.sample;

import dev.anima.io.Pixels;
import java.awt.image.BufferedImage;

/// A picture to draw on.
final class Canvas {
  private final BufferedImage image;

  /// @param background `0xRRGGBB`
  Canvas(int width, int height, int background) {
    image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    fill(0, 0, width, height, background);
  }

  void text(String text, int left, int top, int rgb) {
    LabelFont.draw(image, text, left, top, rgb);
  }

  void fill(int left, int top, int width, int height, int rgb) {
    for (int y = top; y < top + height; y++) {
      for (int x = left; x < left + width; x++) {
        image.setRGB(x, y, rgb);
      }
    }
  }

  /// RGB, 8 bits each.
  Pixels pixels() {
    int width = image.getWidth();
    int height = image.getHeight();
    int[] packed = image.getRGB(0, 0, width, height, null, 0, width);
    byte[] bytes = new byte[3 * packed.length];
    for (int i = 0; i < packed.length; i++) {
      bytes[3 * i] = (byte) (packed[i] >> 16);
      bytes[3 * i + 1] = (byte) (packed[i] >> 8);
      bytes[3 * i + 2] = (byte) packed[i];
    }
    return new Pixels(width, height, 3, bytes);
  }
}
