package dev.anima.cli;

/// What the program tells the shell.
public final class ExitCode {
  /// Done.
  public static final int OK = 0;

  /// The input was right but the run failed.
  public static final int FAILED = 1;

  /// The input is wrong.
  public static final int WRONG_INPUT = 2;

  /// Done, but for some of many files.
  public static final int SOME_FILES_FAILED = 3;

  /// Stopped by the user, after a clean checkpoint.
  public static final int STOPPED = 130;

  private ExitCode() {}
}
