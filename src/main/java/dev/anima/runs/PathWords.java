package dev.anima.runs;

import dev.anima.config.Flag;
import dev.anima.config.FlagTable;
import dev.anima.runs.script.Script;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// The paths among the words of a training command, as this machine can use them.
final class PathWords {
  /// Flags whose values are paths.
  static final Set<String> PATHS =
      Set.of(
          "pretrained_model_name_or_path",
          "qwen3",
          "vae",
          "llm_adapter_path",
          "t5_tokenizer_path",
          "dataset_config",
          "train_data_dir",
          "reg_data_dir",
          "in_json",
          "conditioning_data_dir",
          "output_dir",
          "logging_dir",
          "log_tracker_config",
          "console_log_file",
          "network_weights",
          "base_weights",
          "resume",
          "sample_prompts",
          "config_file",
          "metadata_thumbnail");

  /// Those that name what must be there before a run starts.
  private static final Set<String> NEEDED =
      Set.of(
          "pretrained_model_name_or_path",
          "qwen3",
          "vae",
          "dataset_config",
          "train_data_dir",
          "config_file");

  private final Script.Training training;
  private final boolean windowsScript;
  private final boolean windows;
  private final List<String> words = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private int found;

  private PathWords(Script.Training training, boolean windowsScript, boolean windows) {
    this.training = training;
    this.windowsScript = windowsScript;
    this.windows = windows;
  }

  /// @param words with paths in the form of this system
  /// @param problems paths that cannot be meant here, one sentence each
  /// @param found how many of the files a run needs are there
  record Adapted(List<String> words, List<String> problems, int found) {}

  /// @param windowsScript the command is from a `.bat` or `.ps1` file
  /// @param windows this is Windows
  static Adapted adapt(Script.Training training, boolean windowsScript, boolean windows) {
    PathWords paths = new PathWords(training, windowsScript, windows);
    paths.adapt();
    return new Adapted(List.copyOf(paths.words), List.copyOf(paths.problems), paths.found);
  }

  private void adapt() {
    String flag = "";
    for (String word : training.flags()) {
      if (!word.startsWith("--")) {
        words.add(PATHS.contains(flag) ? path(flag, word) : word);
        continue;
      }
      int equals = word.indexOf('=');
      String typed = word.substring(2, equals < 0 ? word.length() : equals);
      List<Flag> meant = FlagTable.train().matching(typed);
      flag = meant.size() == 1 ? meant.getFirst().name() : "";
      words.add(
          equals > 0 && PATHS.contains(flag)
              ? word.substring(0, equals + 1) + path(flag, word.substring(equals + 1))
              : word);
    }
  }

  private String path(String flag, String text) {
    if (text.isEmpty() || text.startsWith("data:")) {
      return text;
    }
    if (!windows && text.matches("[A-Za-z]:([\\\\/].*)?|\\\\\\\\.*")) {
      problems.add(
          "--%s: \"%s\" is a Windows path, but this is not Windows\n  -> write the path on this machine, such as /home/you/models"
              .formatted(flag, text));
      return text;
    }
    String here = !windows && windowsScript && !exists(text) ? text.replace('\\', '/') : text;
    if (training.folder().lost().isPresent() && !isAbsolute(here)) {
      problems.add(
          "--%s: \"%s\" cannot be found: %s\n  -> correct that line, or name the folder with --working_dir"
              .formatted(flag, text, training.folder().lost().get()));
    }
    if (NEEDED.contains(flag) && exists(here)) {
      found++;
    }
    return here;
  }

  private boolean exists(String text) {
    try {
      return Files.exists(training.folder().path().resolve(text));
    } catch (InvalidPathException _) {
      return false;
    }
  }

  private static boolean isAbsolute(String text) {
    try {
      return Path.of(text).isAbsolute();
    } catch (InvalidPathException _) {
      return false;
    }
  }
}
