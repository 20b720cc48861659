package dev.anima.cli;

import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.util.Locale;

/// The one place where exceptions become a sentence and an exit code.
public final class Failures {
  private Failures() {}

  /// Tells the user what went wrong; with the stack trace if the console shows them.
  ///
  /// @return the exit code
  public static int report(Throwable failure, Console console) {
    if (isBrokenPipe(failure)) {
      return ExitCode.OK; // as with `anima ... | head`: the reader has what it wanted
    }
    console.report(sentence(failure));
    if (console.showsTraces()) {
      failure.printStackTrace(console.err());
    }
    return failure instanceof InputException ? ExitCode.WRONG_INPUT : ExitCode.FAILED;
  }

  private static String sentence(Throwable failure) {
    if (failure instanceof InputException || failure instanceof RunFailedException) {
      return String.valueOf(failure.getMessage());
    }
    if (failure instanceof OutOfMemoryError) {
      return "Java's heap is full ("
          + Console.bytes(Runtime.getRuntime().maxMemory())
          + "): close other programs, or give more with ANIMA_JAVA_OPTIONS=-Xmx8g";
    }
    LinkageError library = nativeLibraryError(failure);
    if (library != null) {
      return "A native library could not be loaded ("
          + library.getMessage()
          + "); anima doctor says what is missing";
    }
    String message = failure.getMessage();
    return "internal error: "
        + failure.getClass().getSimpleName()
        + (message == null ? "" : ": " + message.lines().findFirst().orElse(""))
        + "; run again with --verbose for the trace";
  }

  /// The loading error behind `failure`: the first use of a class reports it as such, later ones as
  /// NoClassDefFoundError with the first as its cause.
  private static @org.jspecify.annotations.Nullable LinkageError nativeLibraryError(
      Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof UnsatisfiedLinkError error) {
        return error;
      }
    }
    return null;
  }

  private static boolean isBrokenPipe(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof IOException io
          && String.valueOf(io.getMessage()).toLowerCase(Locale.ROOT).contains("broken pipe")) {
        return true;
      }
    }
    return false;
  }
}
