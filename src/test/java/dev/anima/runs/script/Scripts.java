package dev.anima.runs.script;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Writes scripts into a folder and reads them as on Linux, with a small environment.
record Scripts(Path folder, boolean windows) {
  Script read(String name, String text) {
    return read(name, text.getBytes(StandardCharsets.UTF_8));
  }

  Script read(String name, byte[] bytes) {
    try {
      Path file = Files.write(folder.resolve(name), bytes);
      return Script.read(
          file,
          new Surroundings(folder, false, Map.of("HOME", "/home/me", "USERNAME", "me"), windows));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The flags of the only training.
  List<String> flags(String name, String text) {
    List<Script.Training> trainings = read(name, text).trainings();
    if (trainings.size() != 1) {
      throw new AssertionError(trainings);
    }
    return trainings.getFirst().flags();
  }
}
