package dev.anima.cli.setup;

import dev.anima.io.Download;
import dev.anima.io.InputException;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// Where wheels come from: what the user named with `--index`.
sealed interface WheelSource permits WheelFolder, SimpleIndex {
  /// Starts to read `wheel` at byte `from`.
  ///
  /// @throws InputException if the source has no such wheel
  /// @throws IOException if reading fails, which may be worth another try
  Download.Content open(Wheel wheel, long from) throws IOException;

  /// The source that `--index` names: an address of a simple index (PEP 503, PEP 691), or a folder.
  ///
  /// @throws InputException if it is neither
  static WheelSource of(String index, Path workingFolder) {
    String lower = index.toLowerCase(Locale.ROOT);
    try {
      if (lower.startsWith("http://") || lower.startsWith("https://")) {
        URI address = new URI(index.endsWith("/") ? index : index + "/");
        if (address.getHost() != null) {
          return new SimpleIndex(address);
        }
        throw new URISyntaxException(index, "no server name");
      }
      Path folder =
          lower.startsWith("file:") ? Path.of(new URI(index)) : workingFolder.resolve(index);
      if (Files.isDirectory(folder)) {
        return new WheelFolder(folder);
      }
    } catch (URISyntaxException | IllegalArgumentException e) {
      throw new InputException(expectation(index) + " (" + e.getMessage() + ")", e);
    }
    throw new InputException(expectation(index));
  }

  private static String expectation(String index) {
    return "--index: \""
        + index
        + "\" is neither a folder of wheels nor the address of a package index (http:// or"
        + " https://, as pip's --index-url takes)";
  }
}
