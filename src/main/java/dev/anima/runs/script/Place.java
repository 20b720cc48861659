package dev.anima.runs.script;

import dev.anima.io.InputException;
import java.nio.file.Path;

/// A line of a script.
///
/// @param file as the user named it
/// @param line counted from 1
public record Place(Path file, int line) {
  /// An error at this place.
  public InputException problem(String sentence) {
    return new InputException(this + ": " + sentence);
  }

  @Override
  public String toString() {
    return file + ":" + line;
  }
}
