package dev.anima.cli;

import dev.anima.config.LoggingConfig;
import dev.anima.io.InputException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Optional;

/// Where a run's messages go: the terminal, or with `--console_log_file` a file that starts afresh.
/// Errors that end the program are told on the terminal in any case.
final class LogConsole implements AutoCloseable {
  private final Console console;
  private final Optional<PrintStream> file;

  private LogConsole(Console console, Optional<PrintStream> file) {
    this.console = console;
    this.file = file;
  }

  /// @throws InputException if the file cannot be written
  @SuppressWarnings("MustBeClosedChecker") // closed by close()
  static LogConsole of(LoggingConfig logging, Console terminal) {
    if (logging.consoleFile().isEmpty()) {
      return new LogConsole(terminal, Optional.empty());
    }
    try {
      PrintStream file =
          new PrintStream(
              Files.newOutputStream(logging.consoleFile().get()), true, StandardCharsets.UTF_8);
      return new LogConsole(Console.of(terminal.out(), file), Optional.of(file));
    } catch (IOException e) {
      throw new InputException(
          "--console_log_file: %s cannot be written to (%s)"
              .formatted(logging.consoleFile().get(), e.getMessage()),
          e);
    }
  }

  Console console() {
    return console;
  }

  @Override
  public void close() {
    file.ifPresent(PrintStream::close);
  }
}
