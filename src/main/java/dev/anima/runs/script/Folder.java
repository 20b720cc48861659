package dev.anima.runs.script;

import java.nio.file.Path;
import java.util.Optional;

/// The folder that relative paths of a command are meant from.
///
/// @param path absolute
/// @param lost why it is not known after all: a sentence about the `cd` that cannot be followed
///   here
public record Folder(Path path, Optional<String> lost) {
  static Folder of(Path path) {
    return new Folder(path.toAbsolutePath().normalize(), Optional.empty());
  }
}
