package dev.anima.config;

import static dev.anima.config.Checks.check;

import java.nio.file.Path;
import java.util.Optional;

/// What is logged where.
///
/// @param dir folder of TensorBoard files; empty means none are written
/// @param prefix put before the time stamp of the log folder
/// @param trackerName sub-folder of that
/// @param recordFlags put the flags into the log
/// @param console level of console messages
/// @param consoleFile console messages go here instead of the terminal
public record LoggingConfig(
    Optional<Path> dir,
    String prefix,
    String trackerName,
    boolean recordFlags,
    Level console,
    Optional<Path> consoleFile) {

  /// `--console_log_level`
  public enum Level {
    DEBUG,
    INFO,
    WARNING,
    ERROR,
    CRITICAL
  }

  static LoggingConfig of(Flags flags, Path workingDir) {
    String with = flags.text("log_with", "");
    check(
        flags.path("logging_dir").isPresent() || with.isEmpty() || with.equals("wandb"),
        "--log_with=%s needs --logging_dir, the folder for the log files".formatted(with));
    return new LoggingConfig(
        flags.path("logging_dir").map(workingDir::resolve),
        flags.text("log_prefix", ""),
        flags.text("log_tracker_name", "network_train"),
        flags.on("log_config"),
        flags.on("verbose") ? Level.DEBUG : Level.valueOf(flags.text("console_log_level", "INFO")),
        flags.path("console_log_file").map(workingDir::resolve));
  }
}
