package dev.anima.io;

import java.io.IOException;

/// Finds format and size in an image's first bytes.
final class ImageHeaders {
  private static final String PNG_SIGNATURE = "\u0089PNG\r\n\u001a\n";

  private ImageHeaders() {}

  static ImageHeader read(ImageBytes bytes) throws IOException, MalformedImageException {
    ImageFormat format = format(bytes);
    ImageHeader header =
        switch (format) {
          case PNG -> png(bytes);
          case JPEG -> jpeg(bytes);
          case WEBP -> webp(bytes);
          case BMP -> bmp(bytes);
          case GIF -> gif(bytes);
        };
    if (header.width() < 1 || header.height() < 1) {
      throw new MalformedImageException(
          "has the impossible size " + header.width() + "x" + header.height());
    }
    return header;
  }

  private static ImageFormat format(ImageBytes bytes) throws IOException, MalformedImageException {
    if (bytes.has(0, PNG_SIGNATURE)) {
      return ImageFormat.PNG;
    }
    if (bytes.has(0, "\u00ff\u00d8\u00ff")) {
      return ImageFormat.JPEG;
    }
    if (bytes.has(0, "RIFF") && bytes.has(8, "WEBP")) {
      return ImageFormat.WEBP;
    }
    if (bytes.has(0, "GIF87a") || bytes.has(0, "GIF89a")) {
      return ImageFormat.GIF;
    }
    if (bytes.has(0, "BM")) {
      return ImageFormat.BMP;
    }
    throw new MalformedImageException(
        contentName(bytes) + "; expected a PNG, JPEG, WebP, BMP or GIF image");
  }

  private static String contentName(ImageBytes bytes) throws IOException, MalformedImageException {
    if (bytes.size() == 0) {
      return "is empty (0 bytes)";
    }
    if (bytes.has(4, "ftypavif")) {
      return "is an AVIF image, which this program does not read";
    }
    if (bytes.has(4, "ftyphei") || bytes.has(4, "ftypmif1")) {
      return "is a HEIC image, which this program does not read";
    }
    if (bytes.has(0, "\u00ff\n") || bytes.has(4, "JXL ")) {
      return "is a JPEG XL image, which this program does not read";
    }
    if (bytes.has(0, "II*\0") || bytes.has(0, "MM\0*")) {
      return "is a TIFF image, which this program does not read";
    }
    if (bytes.has(0, "8BPS")) {
      return "is a Photoshop file";
    }
    if (bytes.has(0, "<")) {
      return "is a web page or XML, not an image";
    }
    return "is not an image";
  }

  private static ImageHeader png(ImageBytes bytes) throws IOException, MalformedImageException {
    if (!bytes.has(12, "IHDR")) {
      throw new MalformedImageException("is a PNG without a header");
    }
    return header(ImageFormat.PNG, bytes.u32be(16), bytes.u32be(20));
  }

  private static ImageHeader jpeg(ImageBytes bytes) throws IOException, MalformedImageException {
    long frame = JpegMarkers.frame(bytes);
    return header(ImageFormat.JPEG, bytes.u16be(frame + 7), bytes.u16be(frame + 5));
  }

  /// The extended header stores width and height less one. (The reference's header reader forgets
  /// to add it; these are the true sizes.)
  private static ImageHeader webp(ImageBytes bytes) throws IOException, MalformedImageException {
    if (bytes.has(12, "VP8X")) {
      return header(ImageFormat.WEBP, bytes.u24le(24) + 1, bytes.u24le(27) + 1);
    }
    if (bytes.has(12, "VP8L")) {
      long packed = bytes.u32le(21);
      return header(ImageFormat.WEBP, (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1);
    }
    if (bytes.has(12, "VP8 ")) {
      return header(ImageFormat.WEBP, bytes.u16le(26) & 0x3FFF, bytes.u16le(28) & 0x3FFF);
    }
    if (bytes.size() < 30) {
      throw MalformedImageException.cutOff();
    }
    throw new MalformedImageException("is a WebP of an unknown kind");
  }

  private static ImageHeader bmp(ImageBytes bytes) throws IOException, MalformedImageException {
    if (bytes.u32le(14) == 12) {
      return header(ImageFormat.BMP, bytes.u16le(18), bytes.u16le(20));
    }
    // a negative height means that the rows run from the top
    return header(ImageFormat.BMP, bytes.u32le(18), Math.abs((int) bytes.u32le(22)));
  }

  private static ImageHeader gif(ImageBytes bytes) throws IOException, MalformedImageException {
    GifDecoder.Frame frame = GifDecoder.firstFrame(bytes);
    return header(ImageFormat.GIF, frame.screenWidth(), frame.screenHeight());
  }

  private static ImageHeader header(ImageFormat format, long width, long height)
      throws MalformedImageException {
    if (width > Integer.MAX_VALUE || height > Integer.MAX_VALUE) {
      throw new MalformedImageException("has the impossible size " + width + "x" + height);
    }
    return new ImageHeader(format, (int) width, (int) height);
  }
}
