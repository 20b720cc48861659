package dev.anima.sample;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.awt.image.BufferedImage;

/// Decoded pictures as 8-bit images.
public final class DecodedPicture {
  private DecodedPicture() {}

  /// Bytes of one picture, row by row, red green blue.
  ///
  /// @param pixels `(3, H, W)` or `(1, 3, H, W)` in [-1, 1]
  public static byte[] rgb(Tensor pixels) {
    try (Scope _ = new Scope()) {
      return pixels
          .reshape(3, pixels.size(-2), pixels.size(-1))
          .to(Device.CPU, Dtype.F32)
          .add(1)
          .div(2)
          .clamp(0, 1)
          .mul(255) // cut off below, not rounded: as the reference writes its samples
          .to(Dtype.U8)
          .permute(1, 2, 0)
          .toBytes();
    }
  }

  /// The same as an opaque image.
  ///
  /// @param pixels `(3, H, W)` or `(1, 3, H, W)` in [-1, 1]
  public static BufferedImage image(Tensor pixels) {
    byte[] rgb = rgb(pixels);
    int width = (int) pixels.size(-1);
    int height = (int) pixels.size(-2);
    int[] packed = new int[width * height];
    for (int i = 0; i < packed.length; i++) {
      packed[i] =
          ((rgb[3 * i] & 0xFF) << 16) | ((rgb[3 * i + 1] & 0xFF) << 8) | (rgb[3 * i + 2] & 0xFF);
    }
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, width, height, packed, 0, width);
    return image;
  }
}
