package dev.anima.config;

import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// From the words of a training command to its flags: command line, then flag file, then preset or
/// the recipe of a finished LoRA, then defaults.
public final class FlagsReader {
  private FlagsReader() {}

  /// Flags of a command.
  ///
  /// @param warnings keys of the flag file that mean nothing, and what a recipe does not tell
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
    if (typed.on("output_config")) {
      return write(typed, workingDir);
    }
    if (typed.path("config_file").isEmpty()) {
      return command(typed, List.of(), workingDir);
    }
    ConfigFile.Read read = ConfigFile.read(typed, workingDir);
    return command(read.flags(), read.warnings(), workingDir);
  }

  private static Command write(Flags typed, Path workingDir) {
    if (typed.path("config_file").isEmpty()) {
      throw new InputException("--output_config needs --config_file, the file to write");
    }
    Command filled = command(typed, List.of(), workingDir);
    return new Command(
        typed, filled.warnings(), Optional.of(ConfigFile.write(filled.flags(), workingDir)));
  }

  private static Command command(Flags given, List<String> warnings, Path workingDir) {
    if (given.isSet("preset") && given.isSet("like")) {
      throw new InputException("--preset and --like both bring a recipe\n  -> drop one of them");
    }
    Flags preset = Preset.of(given).map(recipe -> recipe.fill(given)).orElse(given);
    Recipes.Filled like = Recipes.fill(preset, workingDir);
    List<String> all = new ArrayList<>(warnings);
    all.addAll(like.notes());
    return new Command(like.flags(), all, Optional.empty());
  }
}
