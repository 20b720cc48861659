package dev.anima.io;

import java.util.Arrays;

/// Colour tables: 256 entries of alpha, red, green, blue from the highest byte down.
final class Palette {
  private Palette() {}

  /// Entries that a file does not set are opaque black, as in Pillow.
  static int[] black() {
    int[] colours = new int[256];
    Arrays.fill(colours, 0xFF000000);
    return colours;
  }

  static Pixels apply(byte[] indices, int width, int height, int[] colours, boolean withAlpha) {
    Pixels image = Pixels.blank(width, height, withAlpha ? 4 : 3);
    byte[] out = image.data();
    int to = 0;
    for (byte index : indices) {
      int colour = colours[index & 0xFF];
      out[to++] = (byte) (colour >> 16);
      out[to++] = (byte) (colour >> 8);
      out[to++] = (byte) colour;
      if (withAlpha) {
        out[to++] = (byte) (colour >>> 24);
      }
    }
    return image;
  }
}
