package dev.anima.tag;

import dev.anima.io.Pixels;

/// Turns pictures upright by their EXIF orientation.
final class Orientation {
  private Orientation() {}

  /// @param orientation 1 (upright) to 8, as EXIF counts
  static Pixels upright(Pixels image, int orientation) {
    if (orientation == 1) {
      return image;
    }
    boolean onItsSide = orientation >= 5;
    int width = onItsSide ? image.height() : image.width();
    int height = onItsSide ? image.width() : image.height();
    int channels = image.channels();
    Pixels result = Pixels.blank(width, height, channels);
    int right = image.width() - 1;
    int bottom = image.height() - 1;
    int to = 0;
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int fromX =
            switch (orientation) {
              case 2, 3 -> right - x;
              case 4 -> x;
              case 5, 6 -> y;
              default -> right - y; // 7, 8
            };
        int fromY =
            switch (orientation) {
              case 2 -> y;
              case 3, 4 -> bottom - y;
              case 5, 8 -> x;
              default -> bottom - x; // 6, 7
            };
        int from = channels * (fromY * image.width() + fromX);
        System.arraycopy(image.data(), from, result.data(), to, channels);
        to += channels;
      }
    }
    return result;
  }
}
