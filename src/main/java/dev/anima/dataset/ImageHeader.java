package dev.anima.dataset;

import dev.anima.config.Size;
import java.nio.file.Path;

/// What the first bytes of an image file tell.
///
/// @param size as stored, EXIF orientation not applied
/// @param orientation EXIF orientation, 1 for upright or unknown
/// @param hasAlpha whether pixels carry transparency
public record ImageHeader(Size size, int orientation, boolean hasAlpha) {
  /// How headers are read.
  @FunctionalInterface
  public interface Reader {
    /// @throws dev.anima.io.InputException if the file is no readable image
    ImageHeader read(Path image);
  }
}
