package dev.anima.dataset;

import dev.anima.config.Size;
import java.nio.file.Path;

/// How the size of an image is found out, as stored: EXIF orientation not applied.
@FunctionalInterface
public interface SizeReader {
  /// @throws dev.anima.io.InputException if the file is no readable image
  Size size(Path image);
}
