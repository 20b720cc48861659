package dev.anima.dataset;

import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/// What was noticed while datasets were read: warnings, and problems that make a run impossible.
/// Filled while reading; read by the report and by [#throwIfProblems].
public final class Findings {
  /// More problems than this are only counted.
  private static final int SHOWN = 20;

  /// One thing worth knowing.
  ///
  /// @param code short stable name for programs, such as `caption-missing`
  /// @param message one sentence for the user, naming files
  public record Finding(String code, String message) {}

  private final List<Finding> warnings = new ArrayList<>();
  private final List<Finding> problems = new ArrayList<>();

  void warn(String code, String message) {
    warnings.add(new Finding(code, message));
  }

  void problem(String code, String message) {
    problems.add(new Finding(code, message));
  }

  /// One warning about several files, the first few by name.
  void warnAbout(String code, String message, List<String> files) {
    if (!files.isEmpty()) {
      warn(code, message + ": " + listed(files));
    }
  }

  /// The first five names and a count of the rest.
  static String listed(List<String> files) {
    String shown = files.stream().limit(5).collect(Collectors.joining(", "));
    return files.size() <= 5 ? shown : shown + " and " + (files.size() - 5) + " more";
  }

  public List<Finding> warnings() {
    return List.copyOf(warnings);
  }

  public List<Finding> problems() {
    return List.copyOf(problems);
  }

  /// @throws InputException with all problems, one a line
  public void throwIfProblems() {
    if (problems.isEmpty()) {
      return;
    }
    String lines =
        problems.stream().limit(SHOWN).map(Finding::message).collect(Collectors.joining("\n"));
    throw new InputException(
        problems.size() <= SHOWN
            ? lines
            : lines + "\n... and " + (problems.size() - SHOWN) + " more problems");
  }
}
