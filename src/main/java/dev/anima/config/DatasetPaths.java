package dev.anima.config;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Finds the folders and files that subsets name: a relative path is meant from the working
/// directory, as in the reference, else from the configuration file's own folder.
final class DatasetPaths {
  private final Path workingDir;
  private final @Nullable Path configDir;
  private final boolean windows;
  private final List<String> notes;
  private final List<String> problems;

  /// @param configDir folder of the configuration file, null without one
  /// @param notes receives where a path was found if not where the reference looks
  /// @param problems receives what is wrong with a path
  DatasetPaths(
      Path workingDir,
      @Nullable Path configDir,
      boolean windows,
      List<String> notes,
      List<String> problems) {
    this.workingDir = workingDir;
    this.configDir = configDir;
    this.windows = windows;
    this.notes = notes;
    this.problems = problems;
  }

  static boolean onWindows() {
    return File.separatorChar == '\\';
  }

  DatasetSpec resolve(DatasetSpec dataset) {
    return dataset.withSubsets(dataset.subsets().stream().map(this::resolve).toList());
  }

  private SubsetSpec resolve(SubsetSpec subset) {
    return subset.withPaths(
        new SubsetSpec.Paths(
            find(subset, "image_dir", subset.imageDir()),
            find(subset, "metadata_file", subset.metadataFile()),
            find(subset, "conditioning_data_dir", subset.conditioningDataDir())));
  }

  private @Nullable Path find(SubsetSpec subset, String key, @Nullable String text) {
    if (text == null) {
      return null;
    }
    String what = "%s: %s \"%s\"".formatted(subset.where(), key, visible(text));
    if (text.chars().anyMatch(c -> c < ' ')) {
      problems.add(
          what
              + " holds a line break or tab: double quotes turn \\n and \\t into these\n"
              + "  -> write the path in single quotes");
      return null;
    }
    if (!windows && isWindowsPath(text)) {
      problems.add(
          what
              + " is a Windows path, but this is not Windows\n"
              + "  -> write the folder's path on this machine, such as /home/you/images");
      return null;
    }
    try {
      return lookUp(what, Path.of(text));
    } catch (InvalidPathException e) {
      problems.add(what + " is no path: " + e.getReason());
      return null;
    }
  }

  private Path lookUp(String what, Path path) {
    Path fromHere = workingDir.resolve(path);
    if (Files.exists(fromHere)) {
      return fromHere;
    }
    if (path.isAbsolute() || configDir == null) {
      problems.add(what + " does not exist");
      return fromHere;
    }
    Path fromConfig = configDir.resolve(path);
    if (Files.exists(fromConfig)) {
      notes.add(what + " was found beside the configuration file: " + fromConfig);
      return fromConfig;
    }
    problems.add(
        "%s does not exist (looked in %s and in the configuration file's folder %s)"
            .formatted(what, workingDir, configDir));
    return fromHere;
  }

  private static boolean isWindowsPath(String text) {
    return text.matches("[A-Za-z]:[\\\\/].*") || text.startsWith("\\\\");
  }

  private static String visible(String text) {
    return text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r").replace("\b", "\\b");
  }
}
