package dev.anima.io;

/// An 8-bit image in memory: rows from the top, pixels from the left, channels interleaved.
///
/// Channels are RGB (3), RGBA with alpha not multiplied in (4), or grey (1).
public final class Pixels {
  private final int width;
  private final int height;
  private final int channels;
  private final byte[] data;

  /// @param data `height * width * channels` unsigned bytes; kept, not copied
  public Pixels(int width, int height, int channels, byte[] data) {
    if (width < 1 || height < 1 || channels < 1 || channels > 4) {
      throw new IllegalArgumentException(
          "an image of %dx%d with %d channels".formatted(width, height, channels));
    }
    if (data.length != (long) width * height * channels) {
      throw new IllegalArgumentException(
          "%dx%dx%d pixels in %d bytes".formatted(width, height, channels, data.length));
    }
    this.width = width;
    this.height = height;
    this.channels = channels;
    this.data = data;
  }

  /// A black (and, with four channels, transparent) image.
  public static Pixels blank(int width, int height, int channels) {
    return new Pixels(width, height, channels, new byte[width * height * channels]);
  }

  public int width() {
    return width;
  }

  public int height() {
    return height;
  }

  public int channels() {
    return channels;
  }

  /// The bytes themselves, not a copy: `(H, W, C)`, each 0..255 unsigned.
  public byte[] data() {
    return data;
  }

  /// One channel of one pixel, 0..255.
  public int at(int x, int y, int channel) {
    return Byte.toUnsignedInt(data[(y * width + x) * channels + channel]);
  }

  /// The rectangle with its upper left corner at (`x`, `y`), copied.
  public Pixels crop(int x, int y, int cropWidth, int cropHeight) {
    if (x < 0 || y < 0 || x + cropWidth > width || y + cropHeight > height) {
      throw new IllegalArgumentException(
          "%dx%d at (%d, %d) is not inside %dx%d"
              .formatted(cropWidth, cropHeight, x, y, width, height));
    }
    Pixels cropped = blank(cropWidth, cropHeight, channels);
    int rowBytes = cropWidth * channels;
    for (int row = 0; row < cropHeight; row++) {
      int from = ((y + row) * width + x) * channels;
      System.arraycopy(data, from, cropped.data, row * rowBytes, rowBytes);
    }
    return cropped;
  }

  /// Left and right exchanged, copied.
  public Pixels mirrored() {
    Pixels mirrored = blank(width, height, channels);
    for (int y = 0; y < height; y++) {
      int row = y * width * channels;
      for (int x = 0; x < width; x++) {
        int from = row + x * channels;
        int to = row + (width - 1 - x) * channels;
        for (int c = 0; c < channels; c++) {
          mirrored.data[to + c] = data[from + c];
        }
      }
    }
    return mirrored;
  }

  @Override
  public String toString() {
    return "Pixels[" + width + "x" + height + "x" + channels + "]";
  }
}
