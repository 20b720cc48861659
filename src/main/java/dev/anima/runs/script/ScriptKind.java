package dev.anima.runs.script;

import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// The languages of script files.
public enum ScriptKind {
  BATCH,
  SHELL,
  POWERSHELL;

  private List<String> endings() {
    return switch (this) {
      case BATCH -> List.of(".bat", ".cmd");
      case SHELL -> List.of(".sh", ".bash");
      case POWERSHELL -> List.of(".ps1");
    };
  }

  /// The language of `file`, by the ending of its name.
  ///
  /// @throws InputException for any other ending
  public static ScriptKind of(Path file) {
    String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    return Arrays.stream(values())
        .filter(kind -> kind.endings().stream().anyMatch(name::endsWith))
        .findFirst()
        .orElseThrow(() ->
            new InputException(
                "%s: a script's name must end in .bat, .cmd, .sh or .ps1".formatted(file)));
  }

  /// Whether paths are written with backslashes.
  boolean windowsPaths() {
    return this != SHELL;
  }
}
