package dev.anima.train.plan;

import dev.anima.config.Size;

/// What one micro-batch is made of.
///
/// @param batch images
/// @param pixels of each
/// @param textRows rows of the longest text
/// @param paddedRows rows that the blocks attend to, usually 512
/// @param oneLength whether all texts have the same number of rows
public record StepShape(int batch, Size pixels, long textRows, long paddedRows, boolean oneLength) {
  /// Pixels on a side of a token: 8 by the VAE times 2 by the patch.
  private static final int TOKEN_PIXELS = 16;

  private static final int LATENT_PIXELS = 8;

  public StepShape {
    if (batch < 1 || textRows < 1 || textRows > paddedRows) {
      throw new IllegalArgumentException(
          "no step has %d images and %d of %d text rows".formatted(batch, textRows, paddedRows));
    }
  }

  /// Texts of at most `textRows` rows, not all alike where there are several.
  public static StepShape of(int batch, Size pixels, long textRows, long paddedRows) {
    return new StepShape(batch, pixels, textRows, paddedRows, batch == 1);
  }

  long rows() {
    return pixels.height() / TOKEN_PIXELS;
  }

  long columns() {
    return pixels.width() / TOKEN_PIXELS;
  }

  /// Image tokens of each image.
  public long tokens() {
    return rows() * columns();
  }

  /// Pixels of a latent, `h w`.
  long latentPixels() {
    return (long) (pixels.height() / LATENT_PIXELS) * (pixels.width() / LATENT_PIXELS);
  }

  long zeroKeys() {
    return paddedRows - textRows;
  }
}
