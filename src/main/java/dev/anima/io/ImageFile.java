package dev.anima.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// Reads image files: PNG, JPEG, WebP, BMP and GIF, told apart by their content, not their name.
///
/// The pixels are those that Pillow gives: no colour management, no EXIF rotation, the first
/// picture of an animation. Every problem with a file is an [InputException] that names it.
public final class ImageFile {
  /// The most pixels an image may have: where Pillow suspects a "decompression bomb".
  public static final long MAX_PIXELS = 178_956_970;

  private ImageFile() {}

  /// Format and size from the first bytes, without decoding.
  public static ImageHeader header(Path file) {
    return withBytes(file, ImageHeaders::read);
  }

  /// How the camera was held: 1 (upright) to 8, 1 if the file does not say. Never applied by
  /// [#load]; a value other than 1 is worth a warning.
  public static int exifOrientation(Path file) {
    return withBytes(
        file,
        bytes -> {
          ImageFormat format = ImageHeaders.read(bytes).format();
          try {
            return ExifOrientation.read(bytes, format);
          } catch (MalformedImageException _) {
            return ExifOrientation.UPRIGHT; // the picture itself may still be whole
          }
        });
  }

  /// Decodes to RGB. Alpha is dropped, not blended: hidden colours of transparent pixels appear.
  public static Pixels load(Path file) {
    return load(file, false);
  }

  /// Decodes to RGBA. Alpha is 255 where the file has none.
  public static Pixels loadWithAlpha(Path file) {
    return load(file, true);
  }

  private static Pixels load(Path file, boolean withAlpha) {
    ImageHeader header = header(file);
    if (header.pixels() > MAX_PIXELS) {
      throw InputException.inFile(
          file,
          "is %dx%d pixels large, more than the limit of %d million pixels"
              .formatted(header.width(), header.height(), MAX_PIXELS / 1_000_000));
    }
    return reading(file, () -> decode(Files.readAllBytes(file), header, withAlpha));
  }

  private static Pixels decode(byte[] bytes, ImageHeader header, boolean withAlpha)
      throws IOException, MalformedImageException {
    return switch (header.format()) {
      case PNG -> PngDecoder.decode(bytes, withAlpha);
      case JPEG -> withChannels(JpegDecoder.decode(bytes), false, withAlpha);
      case WEBP -> withChannels(decodeWebp(bytes), true, withAlpha);
      case BMP -> BmpDecoder.decode(bytes, header, withAlpha);
      case GIF -> GifDecoder.decode(bytes, withAlpha);
    };
  }

  private static Pixels decodeWebp(byte[] bytes) throws IOException, MalformedImageException {
    long stated = ImageBytes.of(bytes).u32le(4) + 8;
    if (stated > bytes.length) {
      throw MalformedImageException.cutOff(); // or OpenCV would complain on the terminal
    }
    return OpenCv.decodeWebp(bytes);
  }

  /// Adds or drops the alpha channel and puts red first.
  private static Pixels withChannels(Pixels image, boolean blueFirst, boolean withAlpha) {
    int in = image.channels();
    int out = withAlpha ? 4 : 3;
    if (in == out && !blueFirst) {
      return image;
    }
    Pixels result = Pixels.blank(image.width(), image.height(), out);
    byte[] from = image.data();
    byte[] to = result.data();
    int red = blueFirst ? 2 : 0;
    for (int i = 0, o = 0; o < to.length; i += in, o += out) {
      to[o] = from[i + red];
      to[o + 1] = from[i + 1];
      to[o + 2] = from[i + 2 - red];
      if (withAlpha) {
        to[o + 3] = in == 4 ? from[i + 3] : (byte) 255;
      }
    }
    return result;
  }

  @FunctionalInterface
  private interface HeaderReader<T> {
    T read(ImageBytes bytes) throws IOException, MalformedImageException;
  }

  @FunctionalInterface
  private interface Reading<T> {
    T read() throws IOException, MalformedImageException;
  }

  private static <T> T withBytes(Path file, HeaderReader<T> reader) {
    return reading(
        file,
        () -> {
          try (ImageBytes bytes = ImageBytes.open(file)) {
            return reader.read(bytes);
          }
        });
  }

  private static <T> T reading(Path file, Reading<T> reading) {
    if (Files.isDirectory(file)) {
      throw InputException.inFile(file, "is a folder, expected an image");
    }
    try {
      return reading.read();
    } catch (MalformedImageException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    } catch (NoSuchFileException e) {
      throw new InputException(file + ": there is no such file", e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }
}
