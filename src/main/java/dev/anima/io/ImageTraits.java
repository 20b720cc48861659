package dev.anima.io;

import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalInt;

/// What an image file says of itself beyond size and orientation, without decoding.
///
/// @param mode how its pixels are stored
/// @param animated whether there is more than one frame
/// @param profile whether a colour profile is embedded
/// @param jpegQuality 1 to 100, estimated from its tables; empty for other formats
public record ImageTraits(Mode mode, boolean animated, boolean profile, OptionalInt jpegQuality) {
  /// How pixels are stored.
  public enum Mode {
    COLOUR,
    GREY,
    PALETTE,
    CMYK,
    SIXTEEN_BIT
  }

  private static final int FIRST_CHUNK = 8;

  /// Sum of the luminance table that quality 50 stands for (JPEG standard, table K.1).
  private static final double SUM_OF_STANDARD_TABLE = 3688;

  /// @throws InputException if the file is no image or ends too early
  public static ImageTraits of(Path file) {
    try (ImageBytes bytes = ImageBytes.open(file)) {
      return switch (ImageHeaders.read(bytes).format()) {
        case PNG -> png(bytes);
        case JPEG -> jpeg(bytes);
        case WEBP -> webp(bytes);
        case BMP -> {
          int bits = bytes.u16le(bytes.u32le(14) == 12 ? 24 : 28);
          yield new ImageTraits(
              bits <= 8 ? Mode.PALETTE : Mode.COLOUR, false, false, OptionalInt.empty());
        }
        case GIF -> new ImageTraits(Mode.PALETTE, gifFrames(bytes) > 1, false, OptionalInt.empty());
      };
    } catch (MalformedImageException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static ImageTraits png(ImageBytes bytes) throws IOException, MalformedImageException {
    int depth = bytes.u8(24);
    int colour = bytes.u8(25);
    Mode mode =
        depth == 16
            ? Mode.SIXTEEN_BIT
            : colour == 3 ? Mode.PALETTE : (colour & 2) == 0 ? Mode.GREY : Mode.COLOUR;
    boolean animated = false;
    boolean profile = false;
    for (long at = FIRST_CHUNK; at + 12 <= bytes.size(); at += 12 + bytes.u32be(at)) {
      animated |= bytes.has(at + 4, "acTL");
      profile |= bytes.has(at + 4, "iCCP");
      if (bytes.has(at + 4, "IDAT")) {
        break; // both come before the pixels
      }
    }
    return new ImageTraits(mode, animated, profile, OptionalInt.empty());
  }

  private static ImageTraits jpeg(ImageBytes bytes) throws IOException, MalformedImageException {
    Mode mode = Mode.COLOUR;
    boolean profile = false;
    OptionalInt quality = OptionalInt.empty();
    long at = 2;
    while (at + 4 <= bytes.size() && bytes.u8(at) == 0xff) {
      int marker = bytes.u8(at + 1);
      if (marker == 0xff) {
        at++; // a fill byte
        continue;
      }
      if (marker == 0xda) {
        break; // the pixels
      }
      if (marker == 0xdb && quality.isEmpty()) {
        quality = quality(bytes, at + 4);
      }
      boolean frame = (marker >= 0xc0 && marker <= 0xcf);
      if (frame && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
        int components = bytes.u8(at + 9);
        mode = components == 1 ? Mode.GREY : components == 4 ? Mode.CMYK : Mode.COLOUR;
      }
      profile |= marker == 0xe2 && bytes.has(at + 4, "ICC_PROFILE");
      at += 2 + bytes.u16be(at + 2);
    }
    return new ImageTraits(mode, false, profile, quality);
  }

  /// By the first quantization table, as encoders scale the standard one.
  private static OptionalInt quality(ImageBytes bytes, long at)
      throws IOException, MalformedImageException {
    boolean wide = bytes.u8(at) >> 4 != 0;
    long sum = 0;
    for (int i = 0; i < 64; i++) {
      sum += wide ? bytes.u16be(at + 1 + 2L * i) : bytes.u8(at + 1 + i);
    }
    double percent = 100 * sum / SUM_OF_STANDARD_TABLE;
    double quality = percent <= 100 ? (200 - percent) / 2 : 5000 / percent;
    return OptionalInt.of(Math.clamp(Math.round(quality), 1, 100));
  }

  private static ImageTraits webp(ImageBytes bytes) throws IOException, MalformedImageException {
    boolean extended = bytes.has(12, "VP8X");
    int flags = extended ? bytes.u8(20) : 0;
    return new ImageTraits(
        Mode.COLOUR, (flags & 0x02) != 0, (flags & 0x20) != 0, OptionalInt.empty());
  }

  /// One, or two if there are more than one.
  private static int gifFrames(ImageBytes bytes) throws IOException, MalformedImageException {
    int flags = bytes.u8(10);
    long at = 13 + ((flags & 0x80) != 0 ? 3L << ((flags & 7) + 1) : 0);
    int frames = 0;
    while (at < bytes.size() && frames < 2) {
      int block = bytes.u8(at);
      if (block == 0x2c) {
        frames++;
        int local = bytes.u8(at + 9);
        at = skip(bytes, at + 11 + ((local & 0x80) != 0 ? 3L << ((local & 7) + 1) : 0));
      } else if (block == 0x21) {
        at = skip(bytes, at + 2);
      } else {
        break;
      }
    }
    return frames;
  }

  private static long skip(ImageBytes bytes, long start)
      throws IOException, MalformedImageException {
    long at = start;
    while (at < bytes.size() && bytes.u8(at) != 0) {
      at += 1 + bytes.u8(at);
    }
    return at + 1;
  }
}
