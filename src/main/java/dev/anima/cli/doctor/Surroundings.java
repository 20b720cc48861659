package dev.anima.cli.doctor;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/// Where the program stands: what the searches for models and libraries start from.
///
/// @param root of the file system, `/`; a test's folder instead, to be cut off from the machine
/// @param environment variables of the process
public record Surroundings(
    Path workingFolder, Path home, Path root, Map<String, String> environment, boolean windows) {

  /// Those of this process.
  public static Surroundings current() {
    return new Surroundings(
        Path.of("").toAbsolutePath(),
        Path.of(System.getProperty("user.home", ".")).toAbsolutePath(),
        Path.of(File.separator),
        System.getenv(),
        System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("windows"));
  }

  /// The paths in a list variable such as `ANIMA_MODELS`, which are separated as `PATH` is.
  List<Path> pathsIn(String variable) {
    List<Path> paths = new ArrayList<>();
    for (String part : environment.getOrDefault(variable, "").split(File.pathSeparator)) {
      try {
        if (!part.isBlank()) {
          paths.add(workingFolder.resolve(part.strip()));
        }
      } catch (InvalidPathException _) {
        // A broken entry of PATH is not ours to report.
      }
    }
    return paths;
  }

  /// Folders that are probably a ComfyUI installation, whether or not they exist.
  List<Path> comfyUiFolders() {
    List<Path> parents = new ArrayList<>();
    parents.add(workingFolder);
    if (workingFolder.getParent() != null) {
      parents.add(workingFolder.getParent());
    }
    for (String below : List.of("", "Documents", "Desktop", "Downloads", "git", "src", "AI")) {
      parents.add(home.resolve(below));
    }
    for (String below : List.of("workspace", "opt", "AI", "data")) {
      parents.add(root.resolve(below));
    }
    if (windows) {
      Stream.of("C:\\", "D:\\", "E:\\")
          .forEach(drive -> {
            parents.add(Path.of(drive));
            parents.add(Path.of(drive + "AI"));
          });
    }
    LinkedHashSet<Path> folders = new LinkedHashSet<>();
    for (Path parent : parents) {
      folders.add(parent.resolve("ComfyUI"));
      folders.add(parent.resolve("ComfyUI_windows_portable").resolve("ComfyUI"));
      folders.add(parent.resolve("StabilityMatrix/Data/Packages/ComfyUI"));
      folders.add(parent.resolve("pinokio/api/comfy.git/app"));
    }
    return List.copyOf(folders);
  }

  /// Folders below `parent` that match the glob `pattern` of one path part, the last name first (so
  /// that newer versions come first).
  static List<Path> matching(Path parent, String pattern) {
    if (!Files.isDirectory(parent)) {
      return List.of();
    }
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(parent, pattern)) {
      entries.forEach(found::add);
    } catch (IOException | DirectoryIteratorException | UncheckedIOException _) {
      return List.of(); // unreadable: as good as not there
    }
    found.sort(Comparator.reverseOrder());
    return found;
  }
}
