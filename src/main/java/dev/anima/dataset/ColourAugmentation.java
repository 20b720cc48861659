package dev.anima.dataset;

/// Carries out a [ColourChange] on 8-bit pixels.
final class ColourAugmentation {
  /// OpenCV's 8-bit hue goes from 0 to 179.
  private static final int HUE_RANGE = 180;

  private static final int SHIFT = 12;

  /// OpenCV (x86-64, AVX2) converts this many pixels of a row at a time and cuts fractions off;
  /// what is left of the row it rounds.
  private static final int VECTOR_PIXELS = 32;

  private ColourAugmentation() {}

  /// Changes the first three channels of every pixel in place.
  ///
  /// @param pixels interleaved rows of `width` pixels, `channels` bytes each
  static void apply(ColourChange change, byte[] pixels, int width, int channels) {
    switch (change) {
      case ColourChange.None _ -> {}
      case ColourChange.Gamma gamma -> applyGamma(gamma.exponent(), pixels, channels);
      case ColourChange.Hue hue -> {
        int vectorised = width - width % VECTOR_PIXELS;
        for (int i = 0; i < pixels.length / channels; i++) {
          turnHue(pixels, i * channels, hue.shift(), i % width < vectorised);
        }
      }
    }
  }

  private static void applyGamma(double exponent, byte[] pixels, int channels) {
    byte[] table = new byte[256];
    for (int value = 0; value < table.length; value++) {
      table[value] = (byte) (int) Math.clamp(Math.pow(value, exponent), 0, 255);
    }
    for (int i = 0; i < pixels.length; i += channels) {
      for (int channel = 0; channel < 3; channel++) {
        pixels[i + channel] = table[Byte.toUnsignedInt(pixels[i + channel])];
      }
    }
  }

  // As OpenCV's 8-bit BGR-HSV conversions, in fixed point one way and float the other. The
  // reference hands them RGB: what is called blue here is red.
  private static void turnHue(byte[] pixels, int at, double shift, boolean vectorised) {
    int b = Byte.toUnsignedInt(pixels[at]);
    int g = Byte.toUnsignedInt(pixels[at + 1]);
    int r = Byte.toUnsignedInt(pixels[at + 2]);
    int value = Math.max(b, Math.max(g, r));
    int difference = value - Math.min(b, Math.min(g, r));
    int saturation = rounded(difference * (value == 0 ? 0 : reciprocal(255.0, value)));
    int sector;
    if (value == r) {
      sector = g - b;
    } else if (value == g) {
      sector = b - r + 2 * difference;
    } else {
      sector = r - g + 4 * difference;
    }
    int hue = rounded(sector * (difference == 0 ? 0 : reciprocal(HUE_RANGE / 6.0, difference)));
    if (hue < 0) {
      hue += HUE_RANGE;
    }
    int turned = (int) ((hue + shift) % HUE_RANGE);
    writeHsv(pixels, at, turned, saturation, value, vectorised);
  }

  private static int reciprocal(double numerator, int denominator) {
    return (int) Math.rint(numerator * (1 << SHIFT) / denominator);
  }

  private static int rounded(int fixed) {
    return (fixed + (1 << (SHIFT - 1))) >> SHIFT;
  }

  private static void writeHsv(
      byte[] pixels, int at, int hue, int saturation, int value, boolean vectorised) {
    float s = saturation * (1f / 255f);
    float v = value * (1f / 255f);
    float h = hue * (6f / HUE_RANGE);
    int sector = (int) Math.floor(h) % 6;
    float fraction = h - (float) Math.floor(h);
    float low = v * (1 - s);
    float falling = v * Math.fma(-s, fraction, 1f);
    float rising = v * Math.fma(-s, 1 - fraction, 1f);
    float[] bgr =
        switch (sector) {
          case 0 -> new float[] {low, rising, v};
          case 1 -> new float[] {low, v, falling};
          case 2 -> new float[] {rising, v, low};
          case 3 -> new float[] {v, falling, low};
          case 4 -> new float[] {v, low, rising};
          default -> new float[] {falling, low, v};
        };
    for (int channel = 0; channel < 3; channel++) {
      float scaled = bgr[channel] * 255f;
      pixels[at + channel] = (byte) (vectorised ? (int) scaled : (int) Math.rint(scaled));
    }
  }
}
