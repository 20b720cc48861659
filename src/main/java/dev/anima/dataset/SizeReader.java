package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.io.ImageFile;
import dev.anima.io.ImageHeader;
import java.nio.file.Path;

/// How the size of an image is found out, as stored: EXIF orientation not applied.
@FunctionalInterface
public interface SizeReader {
  /// From the first bytes of the file.
  SizeReader HEADER =
      file -> {
        ImageHeader header = ImageFile.header(file);
        return new Size(header.width(), header.height());
      };

  /// @throws dev.anima.io.InputException if the file is no readable image
  Size size(Path image);
}
