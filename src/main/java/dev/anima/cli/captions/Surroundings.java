package dev.anima.cli.captions;

import dev.anima.captions.CaptionState;
import java.nio.file.Path;

/// Where a command runs.
///
/// @param workingDir that relative paths are meant from
/// @param appData folder of the program's own data, for history and snapshots
public record Surroundings(Path workingDir, Path appData) {
  public static Surroundings current() {
    return new Surroundings(Path.of("").toAbsolutePath(), CaptionState.appData(System.getenv()));
  }
}
