package dev.anima.dataset;

import java.nio.file.Path;

/// Looks inside an image file, for the report.
@FunctionalInterface
public interface ImageInspector {
  /// What size alone does not tell.
  ///
  /// @param orientation EXIF orientation, 1 for upright
  /// @param transparent whether any pixel is not fully opaque
  record Look(int orientation, boolean transparent) {}

  /// @throws dev.anima.io.InputException if the image cannot be decoded
  Look look(Path image);
}
