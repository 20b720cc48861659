package dev.anima.dataset;

import dev.anima.io.ImageFile;
import dev.anima.io.Pixels;
import java.nio.file.Path;

/// Looks inside an image file, for the report.
@FunctionalInterface
public interface ImageInspector {
  /// What size alone does not tell.
  ///
  /// @param orientation EXIF orientation, 1 for upright
  /// @param transparent whether any pixel is not fully opaque
  record Look(int orientation, boolean transparent) {}

  /// Decodes the whole image.
  ImageInspector DECODING =
      file -> {
        Pixels pixels = ImageFile.loadWithAlpha(file);
        byte[] data = pixels.data();
        boolean transparent = false;
        for (int i = 3; i < data.length && !transparent; i += 4) {
          transparent = data[i] != (byte) 255;
        }
        return new Look(ImageFile.exifOrientation(file), transparent);
      };

  /// @throws dev.anima.io.InputException if the image cannot be decoded
  Look look(Path image);
}
