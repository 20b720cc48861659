package dev.anima.runs.script;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/// Where a script is read.
///
/// @param folder where it starts
/// @param foldersGiven the user named that folder, so the script's own `cd` is not followed
/// @param environment variables of the process
/// @param windows whether this is Windows
public record Surroundings(
    Path folder, boolean foldersGiven, Map<String, String> environment, boolean windows) {

  /// Those of this process, starting in `folder`.
  public static Surroundings of(Path folder, boolean foldersGiven) {
    return new Surroundings(
        folder, foldersGiven, System.getenv(), System.getProperty("os.name").startsWith("Windows"));
  }

  /// An environment variable; in Windows' scripts names are alike in any case.
  Optional<String> variable(String name, boolean anyCase) {
    String exact = environment.get(name);
    if (exact != null || !anyCase) {
      return Optional.ofNullable(exact);
    }
    return environment.entrySet().stream()
        .filter(entry -> entry.getKey().equalsIgnoreCase(name))
        .map(Map.Entry::getValue)
        .findFirst();
  }
}
