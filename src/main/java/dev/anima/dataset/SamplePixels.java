package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.io.Pixels;
import org.jspecify.annotations.Nullable;

/// The pixels of one sample as the VAE wants them.
///
/// @param image `(3, H, W)` float32 in [-1, 1], red first
/// @param mask `(H, W)` float32 in [0, 1], the weight of each pixel in the loss; null for none
@SuppressWarnings("ArrayRecordComponent") // megabytes of numbers, handed on and never compared
public record SamplePixels(Size size, float[] image, float @Nullable [] mask) {
  /// `(x/255 - 0.5) / 0.5`, which in float32 equals `x/127.5 - 1` for all 256 values.
  private static final float[] UNIT = new float[256];

  static {
    for (int value = 0; value < UNIT.length; value++) {
      UNIT[value] = (value / 255f - 0.5f) / 0.5f;
    }
  }

  /// Separates the colour planes and scales them.
  ///
  /// @param window RGB or RGBA; alpha plays no part
  static float[] planes(Pixels window) {
    int area = window.width() * window.height();
    int channels = window.channels();
    byte[] data = window.data();
    float[] planes = new float[3 * area];
    for (int channel = 0; channel < 3; channel++) {
      for (int i = 0; i < area; i++) {
        planes[channel * area + i] = UNIT[Byte.toUnsignedInt(data[i * channels + channel])];
      }
    }
    return planes;
  }

  /// One channel, 0..255 brought to [0, 1].
  static float[] plane(Pixels window, int channel) {
    int channels = window.channels();
    float[] plane = new float[window.width() * window.height()];
    for (int i = 0; i < plane.length; i++) {
      plane[i] = Byte.toUnsignedInt(window.data()[i * channels + channel]) / 255f;
    }
    return plane;
  }

  /// Left and right exchanged, image and mask.
  public SamplePixels mirrored() {
    float[] source = mask;
    return new SamplePixels(
        size,
        mirrored(image, size.width()),
        source == null ? null : mirrored(source, size.width()));
  }

  /// Rows of `width` values, each reversed.
  static float[] mirrored(float[] rows, int width) {
    float[] mirrored = new float[rows.length];
    for (int start = 0; start < rows.length; start += width) {
      for (int x = 0; x < width; x++) {
        mirrored[start + x] = rows[start + width - 1 - x];
      }
    }
    return mirrored;
  }
}
