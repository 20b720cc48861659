package dev.anima.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// What can be said of an image without decoding it, and whether the file goes on to its end: looks
/// at the structure only, so that thousands of images take seconds.
///
/// @param header format and size
/// @param orientation how the camera was held, 1 (upright) to 8; training ignores it
/// @param hasAlpha whether pixels can be transparent
public record ImageSurvey(ImageHeader header, int orientation, boolean hasAlpha) {
  private static final int PNG_FIRST_CHUNK = 8;
  private static final int BMP_OLD_HEADER = 12;
  private static final int BMP_HEADER_WITH_MASKS = 56;
  private static final int BMP_BIT_FIELDS = 3;

  /// @throws InputException naming the file, if it is no image, cut off or too large to be read
  public static ImageSurvey of(Path file) {
    if (Files.isDirectory(file)) {
      throw InputException.inFile(file, "is a folder, expected an image");
    }
    try (ImageBytes bytes = ImageBytes.open(file)) {
      ImageHeader header = ImageHeaders.read(bytes);
      if (header.pixels() > ImageFile.MAX_PIXELS) {
        throw InputException.inFile(
            file,
            "is %dx%d pixels large, more than the limit of %d million pixels; make it smaller"
                .formatted(header.width(), header.height(), ImageFile.MAX_PIXELS / 1_000_000));
      }
      checkEnd(file, bytes, header);
      return new ImageSurvey(
          header, ExifOrientation.read(bytes, header.format()), alpha(bytes, header.format()));
    } catch (MalformedImageException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    } catch (NoSuchFileException e) {
      throw new InputException(file + ": there is no such file", e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static void checkEnd(Path file, ImageBytes bytes, ImageHeader header)
      throws IOException, MalformedImageException {
    boolean whole =
        switch (header.format()) {
          case PNG -> pngChunk(bytes, "IEND") >= 0;
          case JPEG -> JpegMarkers.isComplete(Files.readAllBytes(file));
          case WEBP -> bytes.size() >= bytes.u32le(4) + 8;
          case BMP -> bytes.size() >= bmpEnd(bytes, header);
          case GIF -> true; // the header lies in the first picture, the rest is not used
        };
    if (!whole) {
      throw MalformedImageException.cutOff();
    }
  }

  /// Where the pixels of an uncompressed bitmap end; of others, where they begin.
  private static long bmpEnd(ImageBytes bytes, ImageHeader header)
      throws IOException, MalformedImageException {
    boolean old = bytes.u32le(14) == BMP_OLD_HEADER;
    long compression = old ? 0 : bytes.u32le(30);
    long bits = bytes.u16le(old ? 24 : 28);
    long rowBytes = (header.width() * bits + 31) / 32 * 4;
    boolean plain = compression == 0 || compression == BMP_BIT_FIELDS;
    return bytes.u32le(10) + (plain ? rowBytes * header.height() : 1);
  }

  private static boolean alpha(ImageBytes bytes, ImageFormat format)
      throws IOException, MalformedImageException {
    return switch (format) {
      case PNG -> (bytes.u8(25) & 4) != 0 || pngChunk(bytes, "tRNS") >= 0;
      case WEBP ->
          bytes.has(12, "VP8X")
              ? (bytes.u8(20) & 0x10) != 0
              : bytes.has(12, "VP8L") && (bytes.u8(24) & 0x10) != 0;
      case BMP ->
          bytes.u16le(28) == 32 && bytes.u32le(14) >= BMP_HEADER_WITH_MASKS && bytes.u32le(66) != 0;
      case GIF -> true; // one colour of the palette may be
      case JPEG -> false;
    };
  }

  /// Offset of the first chunk of this type that lies in the file as a whole, or -1.
  private static long pngChunk(ImageBytes bytes, String type)
      throws IOException, MalformedImageException {
    long at = PNG_FIRST_CHUNK;
    while (at + 12 <= bytes.size()) {
      if (bytes.has(at + 4, type)) {
        return at + 12 + bytes.u32be(at) <= bytes.size() ? at : -1;
      }
      at += 12 + bytes.u32be(at);
    }
    return -1;
  }
}
