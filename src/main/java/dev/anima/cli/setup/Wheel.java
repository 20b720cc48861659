package dev.anima.cli.setup;

import dev.anima.io.InputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;

/// One pinned wheel: a zip file with shared libraries, as package indexes for Python offer it.
///
/// @param platform `linux-x86_64` or `windows-amd64`
/// @param project its name on an index, such as `nvidia-cublas`
/// @param file its file name, which says the version
/// @param bytes its length
/// @param sha256 of the whole file, lower case hex
record Wheel(String platform, String project, String file, long bytes, String sha256) {
  /// Columns: platform, project, file, bytes, sha256.
  private static final String PINS = "cuda-wheels.txt";

  /// The wheels with the CUDA libraries for a machine.
  ///
  /// @param osName as Java's `os.name`
  /// @param architecture as Java's `os.arch`
  /// @throws InputException if there is no CUDA build of the program for that machine
  static List<Wheel> pinnedFor(String osName, String architecture) {
    String platform = platform(osName, architecture);
    return pinned().filter(wheel -> wheel.platform().equals(platform)).toList();
  }

  private static String platform(String osName, String architecture) {
    String name = osName.toLowerCase(Locale.ROOT);
    boolean x86 = architecture.equals("amd64") || architecture.equals("x86_64");
    if (x86 && name.startsWith("linux")) {
      return "linux-x86_64";
    }
    if (x86 && name.startsWith("windows")) {
      return "windows-amd64";
    }
    throw new InputException(
        "setup --cuda: this is "
            + osName
            + " on "
            + architecture
            + "; the build for NVIDIA cards exists for Linux and Windows on x86-64 only");
  }

  private static Stream<Wheel> pinned() {
    InputStream pins = Objects.requireNonNull(Wheel.class.getResourceAsStream(PINS), PINS);
    try (BufferedReader reader =
        new BufferedReader(new InputStreamReader(pins, StandardCharsets.UTF_8))) {
      return reader
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .map(line -> line.split(" +"))
          .map(part -> new Wheel(part[0], part[1], part[2], Long.parseLong(part[3]), part[4]))
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
