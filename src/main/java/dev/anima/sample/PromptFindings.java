package dev.anima.sample;

import java.util.ArrayList;
import java.util.List;

/// What is wrong with a prompt file: sentences, each with file and line.
final class PromptFindings {
  private final String file;
  private final List<String> warnings = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();

  PromptFindings(String file) {
    this.file = file;
  }

  void warn(int line, String message) {
    warnings.add(at(line) + message);
  }

  void problem(int line, String message) {
    problems.add(at(line) + message);
  }

  private String at(int line) {
    return line > 0 ? file + ":" + line + ": " : file + ": ";
  }

  List<String> warnings() {
    return warnings;
  }

  List<String> problems() {
    return problems;
  }
}
