package dev.anima.tag;

import dev.anima.io.ImageFile;
import dev.anima.io.ImageFormat;
import dev.anima.io.ImageSurvey;
import dev.anima.io.InputException;
import dev.anima.io.Pixels;
import dev.anima.io.Resampler;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;

/// A picture as a tagger sees it: RGB, square, of the model's size. To the byte what the program of
/// the profile makes of it.
public final class Picture {
  private static final byte WHITE = (byte) 255;

  /// Larger squares are prepared one at a time, so that memory stays bounded with many threads.
  private static final long LARGE_PIXELS = 32_000_000;

  private static final ReentrantLock LARGE = new ReentrantLock();

  private Picture() {}

  /// A prepared picture.
  ///
  /// @param pixels RGB, `side` x `side`
  /// @param width of the file's picture, before it is turned
  public record Prepared(Pixels pixels, int width, int height) {}

  /// Reads and prepares a picture.
  ///
  /// @throws InputException if it cannot be read, or is so long and narrow that its square does not
  ///   fit into memory
  public static Prepared prepare(Path file, Profile profile, int side) {
    var header = ImageFile.header(file);
    long longer = Math.max(header.width(), header.height());
    if (longer * longer > ImageFile.MAX_PIXELS && profile != Profile.BDTM) {
      throw InputException.inFile(
          file,
          "is %dx%d: the square around it has more than %d million pixels; make it smaller"
              .formatted(header.width(), header.height(), ImageFile.MAX_PIXELS / 1_000_000));
    }
    boolean large = longer * longer > LARGE_PIXELS;
    if (large) {
      LARGE.lock();
    }
    try {
      Pixels image =
          switch (profile) {
            case SD_SCRIPTS -> square(onWhite(file, header.format()));
            case TAGGUI -> square(upright(file, onWhite(file, header.format())));
            case BDTM -> ImageFile.load(file);
          };
      Pixels resized =
          switch (profile) {
            case SD_SCRIPTS -> Resampler.resize(image, side, side);
            case TAGGUI -> Resampler.pillowBicubic(image, side, side);
            case BDTM -> EdgeFill.fit(image, side);
          };
      return new Prepared(resized, header.width(), header.height());
    } finally {
      if (large) {
        LARGE.unlock();
      }
    }
  }

  private static Pixels onWhite(Path file, ImageFormat format) {
    return mayBeTransparent(file, format)
        ? blend(ImageFile.loadWithAlpha(file))
        : ImageFile.load(file);
  }

  private static boolean mayBeTransparent(Path file, ImageFormat format) {
    if (format == ImageFormat.JPEG) {
      return false;
    }
    try {
      return ImageSurvey.of(file).hasAlpha();
    } catch (InputException _) {
      return true; // what is wrong with it is said when it is decoded
    }
  }

  /// Pillow's `paste` with a mask (its `alpha_composite` on an opaque ground rounds alike): `t = c
  /// * a + 255 * (255 - a) + 128`, then `((t >> 8) + t) >> 8`.
  static Pixels blend(Pixels rgba) {
    Pixels result = Pixels.blank(rgba.width(), rgba.height(), 3);
    byte[] in = rgba.data();
    byte[] out = result.data();
    for (int i = 0, o = 0; i < in.length; i += 4, o += 3) {
      int alpha = in[i + 3] & 0xFF;
      if (alpha == 255) {
        out[o] = in[i];
        out[o + 1] = in[i + 1];
        out[o + 2] = in[i + 2];
      } else {
        int white = 255 * (255 - alpha) + 128;
        out[o] = blend(in[i], alpha, white);
        out[o + 1] = blend(in[i + 1], alpha, white);
        out[o + 2] = blend(in[i + 2], alpha, white);
      }
    }
    return result;
  }

  private static byte blend(byte colour, int alpha, int white) {
    int t = (colour & 0xFF) * alpha + white;
    return (byte) (((t >> 8) + t) >> 8);
  }

  private static Pixels upright(Path file, Pixels image) {
    return Orientation.upright(image, ImageFile.exifOrientation(file));
  }

  /// White on both sides; of an odd number of pixels the larger part is right or below.
  static Pixels square(Pixels image) {
    int side = Math.max(image.width(), image.height());
    if (image.width() == image.height()) {
      return image;
    }
    int left = (side - image.width()) / 2;
    int top = (side - image.height()) / 2;
    Pixels result = Pixels.blank(side, side, 3);
    byte[] out = result.data();
    java.util.Arrays.fill(out, WHITE);
    int rowBytes = 3 * image.width();
    for (int y = 0; y < image.height(); y++) {
      System.arraycopy(image.data(), y * rowBytes, out, 3 * ((top + y) * side + left), rowBytes);
    }
    return result;
  }
}
