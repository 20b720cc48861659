package dev.anima.runs;

import dev.anima.config.Flags;
import java.nio.file.Path;
import java.util.List;

/// Finds out what can be known of a run before it starts; nothing is loaded or written.
@FunctionalInterface
public interface RunChecker {
  /// What is known.
  ///
  /// @param errors what keeps it from starting, one sentence each
  /// @param warnings what the user would want to know first
  /// @param images image files trained on
  /// @param files LoRA files and state folders that are there when the run has ended
  record Findings(
      List<String> errors,
      List<String> warnings,
      int images,
      int epochs,
      int totalSteps,
      List<Path> files) {
    public Findings {
      errors = List.copyOf(errors);
      warnings = List.copyOf(warnings);
      files = files.stream().map(file -> file.toAbsolutePath().normalize()).toList();
    }
  }

  /// @param fileWarnings what reading a flag file gave reason for
  /// @param folder that relative paths are meant from
  Findings check(Flags flags, List<String> fileWarnings, Path folder);
}
