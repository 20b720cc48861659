package dev.anima.lint;

import dev.anima.captions.CaptionedImage;
import dev.anima.io.ImageFile;
import dev.anima.io.ImageHeader;
import dev.anima.io.ImageTraits;
import dev.anima.io.InputException;
import dev.anima.io.Pixels;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/// What there is to know of one image file, found out once and on any thread.
///
/// @param problem why it cannot be read, empty if it can
/// @param seen what it shows, empty if it cannot be read
record ImageLook(CaptionedImage image, String problem, Optional<Seen> seen) {
  private static final double BAR = 0.02;
  private static final int BAR_TOLERANCE = 6;
  private static final int BLUR_SIDE = 512;

  /// @param pixels SHA-256 of size and decoded pixels
  /// @param mirrored hash of the mirror image
  /// @param bars share of the image that uniform bars at two opposite sides take, 0 for none
  /// @param sharpness variance of the Laplacian at 512 pixels
  record Seen(
      ImageHeader header,
      ImageTraits traits,
      int orientation,
      boolean transparent,
      String pixels,
      PerceptualHash hash,
      PerceptualHash mirrored,
      double bars,
      double sharpness) {}

  static ImageLook at(CaptionedImage image) {
    try {
      ImageHeader header = ImageFile.header(image.image());
      Pixels rgba = ImageFile.loadWithAlpha(image.image());
      boolean transparent = isTransparent(rgba);
      Pixels rgb = withoutAlpha(rgba);
      return new ImageLook(
          image,
          "",
          Optional.of(
              new Seen(
                  header,
                  ImageTraits.of(image.image()),
                  ImageFile.exifOrientation(image.image()),
                  transparent,
                  digest(rgb),
                  PerceptualHash.of(rgb),
                  PerceptualHash.of(rgb.mirrored()),
                  bars(rgb),
                  sharpness(rgb))));
    } catch (InputException e) {
      return new ImageLook(image, String.valueOf(e.getMessage()), Optional.empty());
    }
  }

  private static boolean isTransparent(Pixels rgba) {
    byte[] data = rgba.data();
    for (int i = 3; i < data.length; i += 4) {
      if (data[i] != (byte) 255) {
        return true;
      }
    }
    return false;
  }

  private static Pixels withoutAlpha(Pixels rgba) {
    Pixels rgb = Pixels.blank(rgba.width(), rgba.height(), 3);
    byte[] from = rgba.data();
    byte[] to = rgb.data();
    for (int i = 0, o = 0; o < to.length; i += 4, o += 3) {
      to[o] = from[i];
      to[o + 1] = from[i + 1];
      to[o + 2] = from[i + 2];
    }
    return rgb;
  }

  private static String digest(Pixels rgb) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update((byte) rgb.width());
      digest.update((byte) (rgb.width() >> 8));
      digest.update(rgb.data());
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  /// Bars above and below, else left and right.
  private static double bars(Pixels rgb) {
    double high = bars(rgb, rgb.height(), false);
    return high > 0 ? high : bars(rgb, rgb.width(), true);
  }

  private static double bars(Pixels rgb, int length, boolean columns) {
    int first = 0;
    while (first < length && isUniform(rgb, first, columns)) {
      first++;
    }
    if (first == length || first < BAR * length) {
      return 0; // one colour all over is no bar
    }
    int last = 0;
    while (isUniform(rgb, length - 1 - last, columns)) {
      last++;
    }
    return last < BAR * length ? 0 : (double) (first + last) / length;
  }

  /// Whether a row, or a column, is of one colour: that of the bar's corner.
  private static boolean isUniform(Pixels rgb, int at, boolean column) {
    int length = column ? rgb.height() : rgb.width();
    for (int i = 0; i < length; i++) {
      for (int c = 0; c < 3; c++) {
        int here = column ? rgb.at(at, i, c) : rgb.at(i, at, c);
        int corner = column ? rgb.at(at, 0, c) : rgb.at(0, at, c);
        if (Math.abs(here - corner) > BAR_TOLERANCE) {
          return false;
        }
      }
    }
    return true;
  }

  /// On a grid of about 512 points a side, by the nearest pixels.
  private static double sharpness(Pixels rgb) {
    double scale = Math.max(1, Math.min(rgb.width(), rgb.height()) / (double) BLUR_SIDE);
    int width = (int) (rgb.width() / scale);
    int height = (int) (rgb.height() / scale);
    double sum = 0;
    double squares = 0;
    long count = 0;
    for (int y = 1; y + 1 < height; y++) {
      for (int x = 1; x + 1 < width; x++) {
        double laplacian =
            4 * green(rgb, x, y, scale)
                - green(rgb, x - 1, y, scale)
                - green(rgb, x + 1, y, scale)
                - green(rgb, x, y - 1, scale)
                - green(rgb, x, y + 1, scale);
        sum += laplacian;
        squares += laplacian * laplacian;
        count++;
      }
    }
    return count == 0 ? Double.MAX_VALUE : squares / count - sum / count * (sum / count);
  }

  private static double green(Pixels rgb, int x, int y, double scale) {
    return rgb.at((int) (x * scale), (int) (y * scale), 1);
  }
}
