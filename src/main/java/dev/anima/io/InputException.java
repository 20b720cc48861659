package dev.anima.io;

import java.nio.file.Path;

/// The input is wrong: one clear sentence for the user, exit code 2, no stack trace.
///
/// The message says where (file and line, or flag), what was found, what was expected and, where
/// there is one, the nearest right name. Problems of one file are reported together, one a line.
public final class InputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InputException(String message) {
    super(message);
  }

  public InputException(String message, Throwable cause) {
    super(message, cause);
  }

  /// A problem with one file: `FILE: MESSAGE`.
  public static InputException inFile(Path file, String message) {
    return new InputException(file + ": " + message);
  }
}
