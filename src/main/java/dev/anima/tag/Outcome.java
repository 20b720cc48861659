package dev.anima.tag;

import java.nio.file.Path;

/// What became of a picture.
public sealed interface Outcome {
  Path image();

  /// The model has answered.
  ///
  /// @param width,height of the file's picture
  /// @param probabilities what it answered
  /// @param remembered whether an earlier run had asked already
  record Answered(
      Path image, int width, int height, Probabilities probabilities, boolean remembered)
      implements Outcome {}

  /// It could not be read.
  ///
  /// @param message with the file's name
  record Unreadable(Path image, String message) implements Outcome {}
}
