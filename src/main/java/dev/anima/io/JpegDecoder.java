package dev.anima.io;

import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.MemoryCacheImageInputStream;

/// JPEG files to RGB: libjpeg-turbo's decoder (through OpenCV), as Pillow uses; four-colour files
/// with Pillow's plain inversion.
final class JpegDecoder {
  private JpegDecoder() {}

  static Pixels decode(byte[] file) throws IOException, MalformedImageException {
    if (!JpegMarkers.isComplete(file)) {
      throw MalformedImageException.cutOff();
    }
    ImageBytes bytes = ImageBytes.of(file);
    int components = bytes.u8(JpegMarkers.frame(bytes) + 9);
    return components == 4 ? decodeCmyk(file, JpegMarkers.isYcck(bytes)) : OpenCv.decodeJpeg(file);
  }

  /// Stored inverted, as Adobe does and Pillow assumes: a sample is 255 less the ink.
  private static Pixels decodeCmyk(byte[] file, boolean ycck)
      throws IOException, MalformedImageException {
    Raster raster = rawSamples(file);
    if (raster.getNumBands() != 4) {
      throw new MalformedImageException("is a JPEG of a rare kind");
    }
    int width = raster.getWidth();
    int height = raster.getHeight();
    Pixels image = Pixels.blank(width, height, 3);
    int[] row = new int[width * 4];
    int to = 0;
    for (int y = 0; y < height; y++) {
      raster.getPixels(0, y, width, 1, row);
      for (int x = 0; x < width; x++) {
        if (ycck) {
          toCmyk(row, 4 * x);
        }
        int light = row[4 * x + 3]; // 255 less the black ink
        for (int c = 0; c < 3; c++) {
          int product = (255 - row[4 * x + c]) * light + 128;
          int darkened = light - (((product >> 8) + product) >> 8);
          image.data()[to++] = (byte) Math.clamp(darkened, 0, 255);
        }
      }
    }
    return image;
  }

  /// libjpeg's fixed-point conversion (jdcolor.c): the RGB of luma and chroma, inverted.
  private static void toCmyk(int[] row, int at) {
    int luma = row[at];
    int blueness = row[at + 1] - 128;
    int redness = row[at + 2] - 128;
    int red = luma + ((91881 * redness + 32768) >> 16);
    int green = luma + ((-22554 * blueness - 46802 * redness + 32768) >> 16);
    int blue = luma + ((116130 * blueness + 32768) >> 16);
    row[at] = Math.clamp(255 - red, 0, 255);
    row[at + 1] = Math.clamp(255 - green, 0, 255);
    row[at + 2] = Math.clamp(255 - blue, 0, 255);
  }

  private static Raster rawSamples(byte[] file) throws IOException, MalformedImageException {
    ImageReader reader = ImageIO.getImageReadersByFormatName("jpeg").next();
    try (MemoryCacheImageInputStream in =
        new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
      reader.setInput(in, true, true);
      return reader.readRaster(0, null);
    } catch (RuntimeException e) {
      throw new MalformedImageException("cannot be decoded (" + e.getMessage() + ")");
    } finally {
      reader.dispose();
    }
  }
}
