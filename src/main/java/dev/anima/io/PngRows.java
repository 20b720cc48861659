package dev.anima.io;

import java.nio.ByteBuffer;

/// Turns unfiltered PNG rows into 8-bit RGB or RGBA.
///
/// The conversions are Pillow's: 16-bit grey is clipped at 255 (not scaled), other 16-bit samples
/// keep their high byte, grey of fewer bits is stretched, alpha is dropped for RGB, a transparent
/// colour keeps its colour.
final class PngRows {
  private static final int GREY = 0;
  private static final int RGB = 2;
  private static final int INDEXED = 3;
  private static final int GREY_ALPHA = 4;
  private static final int RGBA = 6;

  private final int width;
  private final int height;
  private final int depth;
  private final int colourType;
  private final boolean withAlpha;
  private final int[] colours = Palette.black();

  /// Sample values of the transparent colour, -1 if there is none.
  private int clearRed = -1;

  private int clearGreen = -1;
  private int clearBlue = -1;

  private PngRows(int width, int height, int depth, int colourType, boolean withAlpha) {
    this.width = width;
    this.height = height;
    this.depth = depth;
    this.colourType = colourType;
    this.withAlpha = withAlpha;
  }

  static PngRows of(int width, int height, int depth, int colourType, boolean withAlpha)
      throws MalformedImageException {
    boolean known =
        switch (colourType) {
          case GREY -> depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
          case INDEXED -> depth == 1 || depth == 2 || depth == 4 || depth == 8;
          case RGB, GREY_ALPHA, RGBA -> depth == 8 || depth == 16;
          default -> false;
        };
    if (!known || width < 1 || height < 1) {
      throw new MalformedImageException(
          "is a PNG with an impossible header (%dx%d, colour type %d, %d bits)"
              .formatted(width, height, colourType, depth));
    }
    return new PngRows(width, height, depth, colourType, withAlpha);
  }

  int width() {
    return width;
  }

  int height() {
    return height;
  }

  int outChannels() {
    return withAlpha ? 4 : 3;
  }

  private int samples() {
    return switch (colourType) {
      case GREY, INDEXED -> 1;
      case GREY_ALPHA -> 2;
      case RGB -> 3;
      default -> 4;
    };
  }

  /// Bytes of a row of `count` pixels, without the filter byte.
  int rowBytes(int count) {
    return Math.toIntExact(((long) count * samples() * depth + 7) / 8);
  }

  /// Distance of the bytes that filters compare.
  int pixelBytes() {
    return Math.max(1, samples() * depth / 8);
  }

  void palette(ByteBuffer data) {
    for (int i = 0; i < colours.length && data.remaining() >= 3; i++) {
      int rgb = (data.get() & 0xFF) << 16 | (data.get() & 0xFF) << 8 | (data.get() & 0xFF);
      colours[i] = (colours[i] & 0xFF000000) | rgb;
    }
  }

  void transparency(ByteBuffer data) {
    switch (colourType) {
      case INDEXED -> {
        for (int i = 0; i < colours.length && data.hasRemaining(); i++) {
          colours[i] = (data.get() & 0xFF) << 24 | (colours[i] & 0xFFFFFF);
        }
      }
      case GREY -> {
        if (data.remaining() >= 2) {
          int clear = data.getShort() & 0xFFFF;
          // Pillow compares with the stretched sample except for one bit, where it stretches both
          clearRed = depth == 1 ? clear * 255 : clear;
          clearGreen = clearRed;
          clearBlue = clearRed;
        }
      }
      case RGB -> {
        if (data.remaining() >= 6) {
          clearRed = data.getShort() & 0xFFFF;
          clearGreen = data.getShort() & 0xFFFF;
          clearBlue = data.getShort() & 0xFFFF;
        }
      }
      default -> {} // not allowed beside an alpha channel
    }
  }

  /// Writes the `count` pixels of a row to every `step`-th pixel of `out` from pixel `first` on.
  void expand(byte[] row, int count, byte[] out, int first, int step) {
    int unchanged = withAlpha ? RGBA : RGB;
    if (colourType == unchanged && depth == 8 && step == 1) {
      System.arraycopy(row, 1, out, first * outChannels(), count * outChannels());
      return;
    }
    switch (colourType) {
      case GREY -> expandGrey(row, count, out, first, step);
      case INDEXED -> expandIndexed(row, count, out, first, step);
      default -> expandWhole(row, count, out, first, step);
    }
  }

  private void expandGrey(byte[] row, int count, byte[] out, int first, int step) {
    int stretch = depth < 8 ? 255 / ((1 << depth) - 1) : 1;
    for (int k = 0; k < count; k++) {
      int grey =
          depth == 16
              ? (row[1 + 2 * k] != 0 ? 255 : row[2 + 2 * k] & 0xFF)
              : sample(row, k) * stretch;
      put(out, first + k * step, grey, grey, grey, 255);
    }
  }

  private void expandIndexed(byte[] row, int count, byte[] out, int first, int step) {
    for (int k = 0; k < count; k++) {
      int colour = colours[sample(row, k)];
      put(
          out,
          first + k * step,
          colour >> 16 & 0xFF,
          colour >> 8 & 0xFF,
          colour & 0xFF,
          colour >>> 24);
    }
  }

  /// RGB, RGBA and grey with alpha, of 8 or (high byte first) 16 bits.
  private void expandWhole(byte[] row, int count, byte[] out, int first, int step) {
    int sampleBytes = depth / 8;
    int pixelBytes = samples() * sampleBytes;
    boolean grey = colourType == GREY_ALPHA;
    int toGreen = grey ? 0 : sampleBytes;
    int toBlue = grey ? 0 : 2 * sampleBytes;
    int toAlpha = colourType == RGB ? -1 : pixelBytes - sampleBytes;
    for (int k = 0; k < count; k++) {
      int from = 1 + k * pixelBytes;
      int alpha = toAlpha < 0 ? 255 : row[from + toAlpha] & 0xFF;
      put(
          out,
          first + k * step,
          row[from] & 0xFF,
          row[from + toGreen] & 0xFF,
          row[from + toBlue] & 0xFF,
          alpha);
    }
  }

  /// Sample `k` of at most 8 bits; the leftmost is in the highest bits.
  private int sample(byte[] row, int k) {
    if (depth == 8) {
      return row[1 + k] & 0xFF;
    }
    int bit = k * depth;
    int shift = 8 - depth - bit % 8;
    return row[1 + bit / 8] >> shift & ((1 << depth) - 1);
  }

  private void put(byte[] out, int pixel, int red, int green, int blue, int alpha) {
    int to = pixel * (withAlpha ? 4 : 3);
    out[to] = (byte) red;
    out[to + 1] = (byte) green;
    out[to + 2] = (byte) blue;
    if (withAlpha) {
      boolean clear = red == clearRed && green == clearGreen && blue == clearBlue;
      out[to + 3] = (byte) (clear ? 0 : alpha);
    }
  }
}
