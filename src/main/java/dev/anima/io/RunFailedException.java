package dev.anima.io;

/// The input was right but the run failed (disk full, NaN loss, device lost): exit code 1, no stack
/// trace.
///
/// The message says what happened and where the last good checkpoint is.
public final class RunFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public RunFailedException(String message) {
    super(message);
  }

  public RunFailedException(String message, Throwable cause) {
    super(message, cause);
  }
}
