package dev.anima.tag;

import dev.anima.io.Interpolation;
import dev.anima.io.Pixels;
import dev.anima.io.Resampler;

/// BooruDatasetTagManager's way to a square: the longer side is resized to the model's, the gap on
/// both sides filled from the edge.
final class EdgeFill {
  private EdgeFill() {}

  static Pixels fit(Pixels image, int side) {
    double scaleX = (double) side / image.width();
    double scaleY = (double) side / image.height();
    int width = side;
    int height = side;
    if (scaleX < scaleY) {
      height = (int) ((long) image.height() * side / image.width());
    } else if (scaleY < scaleX) {
      width = (int) ((long) image.width() * side / image.height());
    }
    Pixels resized =
        Resampler.resize(image, Math.max(1, width), Math.max(1, height), Interpolation.LANCZOS);
    int left = (side - resized.width()) / 2;
    int top = (side - resized.height()) / 2;
    Pixels result = Pixels.blank(side, side, 3);
    for (int y = 0; y < side; y++) {
      for (int x = 0; x < side; x++) {
        for (int c = 0; c < 3; c++) {
          result.data()[3 * (y * side + x) + c] = (byte) at(resized, x - left, y - top, c);
        }
      }
    }
    return result;
  }

  /// The gap is filled by Pillow's bicubic enlargement of a strip that is 0 wide: 9/8 of the
  /// outermost pixel less 1/8 of its neighbour, cut off at 0 and 255.
  private static int at(Pixels image, int x, int y, int c) {
    boolean beside = x < 0 || x >= image.width();
    boolean above = y < 0 || y >= image.height();
    if (!beside && !above) {
      return image.at(x, y, c);
    }
    int outerX = Math.clamp(x, 0, image.width() - 1);
    int outerY = Math.clamp(y, 0, image.height() - 1);
    int innerX = beside ? inner(outerX, image.width()) : outerX;
    int innerY = above ? inner(outerY, image.height()) : outerY;
    int outer = image.at(outerX, outerY, c);
    int value = 9 * outer - image.at(innerX, innerY, c);
    return innerX == outerX && innerY == outerY ? outer : Math.clamp((value + 4) >> 3, 0, 255);
  }

  private static int inner(int outer, int size) {
    return outer == 0 ? Math.min(1, size - 1) : outer - 1;
  }
}
