package dev.anima.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import java.util.OptionalInt;

/// The terminal: results go to standard output, progress and problems to standard error.
///
/// A terminal gets progress bars. A file or pipe gets plain lines, few enough to read.
public final class Console {
  /// Set by the launcher to the width of the terminal on standard error, or 0 when it is none.
  static final String COLUMNS_PROPERTY = "anima.columns";

  private static final int DEFAULT_COLUMNS = 80;

  private final PrintStream out;
  private final PrintStream err;
  private final OptionalInt columns;
  private boolean traces;

  private Console(PrintStream out, PrintStream err, OptionalInt columns) {
    this.out = out;
    this.err = err;
    this.columns = columns;
  }

  /// The process's own streams.
  public static Console system() {
    return new Console(System.out, System.err, terminalColumns());
  }

  /// Given streams, which are no terminal.
  public static Console of(PrintStream out, PrintStream err) {
    return new Console(out, err, OptionalInt.empty());
  }

  @SuppressWarnings("SystemConsoleNull") // since JDK 25 it is null again when there is no terminal
  private static OptionalInt terminalColumns() {
    Integer given = Integer.getInteger(COLUMNS_PROPERTY);
    if (given != null) {
      return given > 0 ? OptionalInt.of(given) : OptionalInt.empty();
    }
    java.io.Console terminal = System.console();
    return terminal != null && terminal.isTerminal()
        ? OptionalInt.of(DEFAULT_COLUMNS)
        : OptionalInt.empty();
  }

  /// A line of the command's result.
  public void print(String line) {
    clearBar();
    out.println(line);
  }

  /// A line beside the result: what happens, a warning, an error.
  public void report(String line) {
    clearBar();
    err.println(line);
  }

  public boolean isTerminal() {
    return columns.isPresent();
  }

  /// Starts to show the progress of `task`; close it when the work ends, however it ends.
  ///
  /// @param unit of `total`, such as `steps`
  public Progress progress(String task, long total, String unit) {
    if (columns.isPresent()) {
      return new ProgressOnTerminal(err, columns.getAsInt(), task, total, unit);
    }
    return new ProgressAsLines(err, task, total, unit, Duration.ofSeconds(10), System::nanoTime);
  }

  /// `--verbose`: errors are told with their stack traces.
  void showTraces(boolean shown) {
    traces = shown;
  }

  boolean showsTraces() {
    return traces;
  }

  PrintStream out() {
    return out;
  }

  PrintStream err() {
    return err;
  }

  /// A bar may stand on the current line; its next refresh draws it again below.
  private void clearBar() {
    if (columns.isPresent()) {
      err.print("\r\u001b[2K");
      err.flush();
    }
  }

  /// `1.5 GB`, `20 MB`, `3.2 kB`: decimal units, as disks and downloads are counted.
  public static String bytes(long bytes) {
    String[] units = {"bytes", "kB", "MB", "GB", "TB"};
    double value = bytes;
    int unit = 0;
    while (value >= 999.5 && unit < units.length - 1) {
      value /= 1000;
      unit++;
    }
    String format = unit == 0 || value >= 99.5 ? "%.0f %s" : value >= 9.95 ? "%.0f %s" : "%.1f %s";
    return String.format(Locale.ROOT, format, value, units[unit]);
  }
}
