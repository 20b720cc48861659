package dev.anima.io;

import java.io.IOException;

/// Reads the one EXIF entry that matters here: how the picture was held.
final class ExifOrientation {
  static final int UPRIGHT = 1;
  private static final int ORIENTATION_TAG = 0x112;
  private static final int MAX_ENTRIES = 1000;

  private ExifOrientation() {}

  /// 1 (upright) to 8; 1 if the file says nothing or nonsense.
  static int read(ImageBytes bytes, ImageFormat format)
      throws IOException, MalformedImageException {
    long tiff =
        switch (format) {
          case JPEG -> JpegMarkers.exif(bytes);
          case PNG -> pngExif(bytes);
          case WEBP -> webpExif(bytes);
          case BMP, GIF -> -1;
        };
    return tiff < 0 ? UPRIGHT : orientation(bytes, tiff);
  }

  private static int orientation(ImageBytes bytes, long tiff)
      throws IOException, MalformedImageException {
    boolean littleEndian = bytes.has(tiff, "II");
    if (!littleEndian && !bytes.has(tiff, "MM")) {
      return UPRIGHT;
    }
    long directory = tiff + (littleEndian ? bytes.u32le(tiff + 4) : bytes.u32be(tiff + 4));
    int entries = u16(bytes, directory, littleEndian);
    for (int i = 0; i < Math.min(entries, MAX_ENTRIES); i++) {
      long entry = directory + 2 + 12L * i;
      if (u16(bytes, entry, littleEndian) == ORIENTATION_TAG) {
        int value = u16(bytes, entry + 8, littleEndian);
        return value >= 1 && value <= 8 ? value : UPRIGHT;
      }
    }
    return UPRIGHT;
  }

  private static int u16(ImageBytes bytes, long at, boolean littleEndian)
      throws IOException, MalformedImageException {
    return littleEndian ? bytes.u16le(at) : bytes.u16be(at);
  }

  /// Looks at the chunks before the image data only: behind it would mean reading the whole file.
  private static long pngExif(ImageBytes bytes) throws IOException, MalformedImageException {
    long at = 8;
    while (at + 8 <= bytes.size() && !bytes.has(at + 4, "IDAT")) {
      if (bytes.has(at + 4, "eXIf")) {
        return at + 8;
      }
      at += 12 + bytes.u32be(at);
    }
    return -1;
  }

  private static long webpExif(ImageBytes bytes) throws IOException, MalformedImageException {
    long at = 12;
    while (at + 8 <= bytes.size()) {
      if (bytes.has(at, "EXIF")) {
        // some writers keep the JPEG prefix
        return bytes.has(at + 8, "Exif\0\0") ? at + 14 : at + 8;
      }
      long length = bytes.u32le(at + 4);
      at += 8 + length + (length & 1);
    }
    return -1;
  }
}
