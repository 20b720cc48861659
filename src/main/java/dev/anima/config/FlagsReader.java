package dev.anima.config;

import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// From the words of a training command to its flags: command line, then flag file, then preset,
/// then defaults.
public final class FlagsReader {
  private FlagsReader() {}

  /// Flags of a command.
  ///
  /// @param warnings keys of the flag file that mean nothing
  /// @param written the file `--output_config` wrote; the command is done then
  public record Command(Flags flags, List<String> warnings, Optional<Path> written) {}

  /// Reads the words (without the command's own name). With `--help` nothing else is looked at.
  ///
  /// @param workingDir directory that relative paths are meant from
  public static Command read(List<String> words, Path workingDir) {
    Flags typed = CommandLine.parse(words);
    if (typed.helpWanted()) {
      return new Command(typed, List.of(), Optional.empty());
    }
    boolean hasFile = typed.path("config_file").isPresent();
    if (typed.on("output_config")) {
      if (!hasFile) {
        throw new InputException("--output_config needs --config_file, the file to write");
      }
      return new Command(typed, List.of(), Optional.of(ConfigFile.write(fill(typed), workingDir)));
    }
    if (!hasFile) {
      return new Command(fill(typed), List.of(), Optional.empty());
    }
    ConfigFile.Read read = ConfigFile.read(typed, workingDir);
    return new Command(fill(read.flags()), read.warnings(), Optional.empty());
  }

  private static Flags fill(Flags flags) {
    return Preset.of(flags).map(preset -> preset.fill(flags)).orElse(flags);
  }
}
