package dev.anima.io;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/// Windows bitmaps, as Pillow reads them: 1, 4 and 8 bits with a palette, 16, 24 and 32 bits with
/// or without masks. Alpha counts only where a mask names it.
final class BmpDecoder {
  private static final int FILE_HEADER_BYTES = 14;
  private static final int RLE8 = 1;
  private static final int RLE4 = 2;
  private static final int BIT_FIELDS = 3;

  private final ByteBuffer file;
  private final int headerBytes;
  private final int bits;
  private final int compression;
  private final int width;
  private final int height;
  private final boolean fromTop;

  private BmpDecoder(byte[] bytes, ImageHeader header) {
    file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    width = header.width();
    height = header.height();
    headerBytes = file.getInt(14);
    boolean old = headerBytes == 12;
    bits = file.getShort(old ? 24 : 28);
    compression = old ? 0 : file.getInt(30);
    fromTop = !old && file.getInt(22) < 0;
  }

  static Pixels decode(byte[] bytes, ImageHeader header, boolean withAlpha)
      throws IOException, MalformedImageException {
    try {
      BmpDecoder decoder = new BmpDecoder(bytes, header);
      if (decoder.compression == RLE8 || decoder.compression == RLE4) {
        return decodeRunLengths(bytes, withAlpha);
      }
      return decoder.decodePlain(withAlpha);
    } catch (IndexOutOfBoundsException _) {
      throw MalformedImageException.cutOff();
    }
  }

  private Pixels decodePlain(boolean withAlpha) throws MalformedImageException {
    int start = file.getInt(10);
    long rowBytes = ((long) width * bits + 31) / 32 * 4;
    if (start < 0 || start + rowBytes * height > file.limit()) {
      throw MalformedImageException.cutOff();
    }
    Pixels image = Pixels.blank(width, height, withAlpha ? 4 : 3);
    int[] colours = bits <= 8 ? colours(start) : null;
    Mask[] masks = bits <= 8 ? new Mask[0] : masks();
    int to = 0;
    for (int y = 0; y < height; y++) {
      int row = start + (int) rowBytes * (fromTop ? y : height - 1 - y);
      for (int x = 0; x < width; x++) {
        int colour = colours == null ? colour(row, x, masks) : colours[index(row, x)];
        image.data()[to++] = (byte) (colour >> 16);
        image.data()[to++] = (byte) (colour >> 8);
        image.data()[to++] = (byte) colour;
        if (withAlpha) {
          image.data()[to++] = (byte) (colour >>> 24);
        }
      }
    }
    return image;
  }

  private int[] colours(int start) throws MalformedImageException {
    if (bits != 1 && bits != 4 && bits != 8) {
      throw unsupported();
    }
    int entryBytes = headerBytes == 12 ? 3 : 4;
    int first = FILE_HEADER_BYTES + headerBytes;
    int stated = headerBytes == 12 ? 0 : file.getInt(46);
    int count = stated > 0 && stated <= 256 ? stated : 1 << bits;
    int[] colours = Palette.black();
    for (int i = 0; i < count && first + (i + 1) * entryBytes <= start; i++) {
      int at = first + i * entryBytes;
      colours[i] = 0xFF000000 | u8(at + 2) << 16 | u8(at + 1) << 8 | u8(at);
    }
    return colours;
  }

  private int index(int row, int x) {
    int bit = x * bits;
    int shift = 8 - bits - bit % 8;
    return u8(row + bit / 8) >> shift & ((1 << bits) - 1);
  }

  private int u8(int at) {
    return file.get(at) & 0xFF;
  }

  /// One channel of a pixel: how far its lowest bit is up, and its largest value (0: none).
  private record Mask(int shift, int max) {
    static Mask of(int mask) {
      return mask == 0
          ? new Mask(0, 0)
          : new Mask(
              Integer.numberOfTrailingZeros(mask), mask >>> Integer.numberOfTrailingZeros(mask));
    }

    int value(int pixel, int absent) {
      return max == 0 ? absent : (int) ((pixel >>> shift & (long) max) * 255 / max);
    }
  }

  private Mask[] masks() throws MalformedImageException {
    if (bits != 16 && bits != 24 && bits != 32) {
      throw unsupported();
    }
    if (compression == BIT_FIELDS && bits != 24) {
      int red = file.getInt(54);
      int green = file.getInt(58);
      int blue = file.getInt(62);
      int alpha = headerBytes >= 56 ? file.getInt(66) : 0;
      if ((red | green | blue | alpha) != 0) {
        return new Mask[] {Mask.of(red), Mask.of(green), Mask.of(blue), Mask.of(alpha)};
      }
      return new Mask[] {Mask.of(0xFF0000), Mask.of(0xFF00), Mask.of(0xFF), Mask.of(0xFF000000)};
    }
    if (compression != 0 && compression != BIT_FIELDS) {
      throw unsupported();
    }
    return bits == 16
        ? new Mask[] {Mask.of(0x7C00), Mask.of(0x3E0), Mask.of(0x1F), Mask.of(0)}
        : new Mask[] {Mask.of(0xFF0000), Mask.of(0xFF00), Mask.of(0xFF), Mask.of(0)};
  }

  private int colour(int row, int x, Mask[] masks) {
    int pixel =
        switch (bits) {
          case 16 -> file.getShort(row + 2 * x) & 0xFFFF;
          case 24 -> {
            int at = row + 3 * x;
            yield u8(at) | u8(at + 1) << 8 | u8(at + 2) << 16;
          }
          default -> file.getInt(row + 4 * x);
        };
    return masks[3].value(pixel, 255) << 24
        | masks[0].value(pixel, 0) << 16
        | masks[1].value(pixel, 0) << 8
        | masks[2].value(pixel, 0);
  }

  private MalformedImageException unsupported() {
    return new MalformedImageException(
        "is a BMP of a rare kind (%d bits, compression %d)".formatted(bits, compression));
  }

  /// Run-length coded bitmaps have a palette, so that no colour management can interfere.
  private static Pixels decodeRunLengths(byte[] bytes, boolean withAlpha)
      throws IOException, MalformedImageException {
    @Nullable BufferedImage decoded;
    try {
      decoded = ImageIO.read(new ByteArrayInputStream(bytes));
    } catch (RuntimeException e) {
      throw new MalformedImageException("cannot be decoded (" + e.getMessage() + ")");
    }
    if (decoded == null) {
      throw new MalformedImageException("cannot be decoded");
    }
    Pixels image = Pixels.blank(decoded.getWidth(), decoded.getHeight(), withAlpha ? 4 : 3);
    int to = 0;
    for (int y = 0; y < decoded.getHeight(); y++) {
      for (int x = 0; x < decoded.getWidth(); x++) {
        int colour = decoded.getRGB(x, y);
        image.data()[to++] = (byte) (colour >> 16);
        image.data()[to++] = (byte) (colour >> 8);
        image.data()[to++] = (byte) colour;
        if (withAlpha) {
          image.data()[to++] = (byte) 255;
        }
      }
    }
    return image;
  }
}
