package dev.anima.sample;

import dev.anima.io.Pixels;
import dev.anima.io.PngWriter;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.Map;

/// Pictures as PNG files, whole or not there.
public final class PictureFile {
  private static final int CHANNELS = 3;

  private PictureFile() {}

  /// Writes or replaces `file`; transparency is dropped.
  ///
  /// @param texts entries such as `parameters`, by keyword
  public static void write(Path file, BufferedImage picture, Map<String, String> texts) {
    int width = picture.getWidth();
    int height = picture.getHeight();
    int[] packed = picture.getRGB(0, 0, width, height, null, 0, width);
    byte[] rgb = new byte[CHANNELS * packed.length];
    for (int i = 0; i < packed.length; i++) {
      rgb[CHANNELS * i] = (byte) (packed[i] >> 16);
      rgb[CHANNELS * i + 1] = (byte) (packed[i] >> 8);
      rgb[CHANNELS * i + 2] = (byte) packed[i];
    }
    PngWriter.write(file, new Pixels(width, height, CHANNELS, rgb), texts);
  }
}
