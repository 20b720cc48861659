package dev.anima.io;

import java.io.IOException;

/// Finds its way through the segments of a JPEG file (ITU T.81, annex B).
final class JpegMarkers {
  private static final int START_OF_SCAN = 0xDA;
  private static final int END_OF_IMAGE = 0xD9;
  private static final int APP1 = 0xE1;
  private static final int APP14 = 0xEE;

  private JpegMarkers() {}

  /// Offset of the frame header's marker; the precision follows at +4, height +5, width +7, number
  /// of components +9.
  static long frame(ImageBytes bytes) throws IOException, MalformedImageException {
    long at = 2;
    while (true) {
      at = nextMarker(bytes, at);
      int marker = bytes.u8(at + 1);
      if (isFrame(marker)) {
        return at;
      }
      if (marker == START_OF_SCAN || marker == END_OF_IMAGE) {
        throw new MalformedImageException("is a JPEG without a frame header");
      }
      at = after(bytes, at, marker);
    }
  }

  /// Offset of the TIFF structure in the EXIF segment before the image data, or -1.
  static long exif(ImageBytes bytes) throws IOException, MalformedImageException {
    long segment = segment(bytes, APP1, "Exif\0\0");
    return segment < 0 ? -1 : segment + 10;
  }

  /// Whether Adobe's marker says that the colours of a four-colour file are stored as luma and
  /// chroma.
  static boolean isYcck(ImageBytes bytes) throws IOException, MalformedImageException {
    long segment = segment(bytes, APP14, "Adobe");
    return segment >= 0 && bytes.u8(segment + 15) != 0;
  }

  /// Offset of the first such segment before the image data, or -1.
  private static long segment(ImageBytes bytes, int wanted, String identifier)
      throws IOException, MalformedImageException {
    long at = 2;
    while (true) {
      at = nextMarker(bytes, at);
      int marker = bytes.u8(at + 1);
      if (marker == wanted && bytes.has(at + 4, identifier)) {
        return at;
      }
      if (marker == START_OF_SCAN || marker == END_OF_IMAGE) {
        return -1;
      }
      at = after(bytes, at, marker);
    }
  }

  /// Whether the file goes on to its end marker. Decoders fill a missing rest with grey; the
  /// reference refuses such files.
  static boolean isComplete(byte[] file) throws IOException, MalformedImageException {
    ImageBytes bytes = ImageBytes.of(file);
    long at = 2;
    try {
      while (true) {
        at = nextMarker(bytes, at);
        int marker = bytes.u8(at + 1);
        if (marker == END_OF_IMAGE) {
          return true;
        }
        at = after(bytes, at, marker);
        if (marker == START_OF_SCAN) {
          at = endOfScan(file, (int) at);
        }
      }
    } catch (MalformedImageException _) {
      return false;
    }
  }

  /// Compressed data runs up to a marker that is neither a restart nor a stuffed zero.
  private static int endOfScan(byte[] file, int start) {
    int at = start;
    while (at + 1 < file.length) {
      int next = file[at + 1] & 0xFF;
      boolean inData = next == 0 || (next >= 0xD0 && next <= 0xD7);
      if (file[at] == (byte) 0xFF && !inData) {
        return at;
      }
      at++;
    }
    return file.length;
  }

  private static long nextMarker(ImageBytes bytes, long from)
      throws IOException, MalformedImageException {
    long at = from;
    while (bytes.u8(at) != 0xFF) {
      at++; // tolerated, as decoders do
    }
    while (bytes.u8(at + 1) == 0xFF) {
      at++; // fill bytes
    }
    return at;
  }

  private static long after(ImageBytes bytes, long at, int marker)
      throws IOException, MalformedImageException {
    boolean standsAlone = marker == 0 || marker == 1 || (marker >= 0xD0 && marker <= 0xD8);
    return standsAlone ? at + 2 : at + 2 + Math.max(2, bytes.u16be(at + 2));
  }

  private static boolean isFrame(int marker) {
    boolean tables = marker == 0xC4 || marker == 0xC8 || marker == 0xCC;
    return marker >= 0xC0 && marker <= 0xCF && !tables;
  }
}
