package dev.anima.cli.check;

import dev.anima.cli.check.Preview.Warning;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// Puts warnings in the order a reader should meet them.
final class WarningOrder {
  /// Likely to spoil the run, or to cost the user's work.
  private static final List<String> SEVERE =
      List.of(
          "overwrites",
          "disk-space",
          "memory",
          "text-encoder-trained",
          "warmup-in-steps",
          "default-learning-rate",
          "optimizer",
          "network-args",
          "network-weights",
          "folder-missing",
          "trigger-missing",
          "trigger-position",
          "caption-extension",
          "caption-missing",
          "caption-empty",
          "validation-overlap",
          "few-steps",
          "no-effect");

  /// Good to know.
  private static final List<String> MILD = List.of("alpha-dropped", "upscaled", "cropped", "note");

  private WarningOrder() {}

  /// Most severe first, equal ones as they came; codes spelled with hyphens, repeated messages
  /// dropped.
  static List<Warning> sorted(Stream<Warning> warnings) {
    return warnings
        .map(warning -> new Warning(warning.code().replace('_', '-'), warning.message()))
        .distinct()
        .sorted(Comparator.comparingInt(warning -> rank(warning.code())))
        .toList();
  }

  private static int rank(String code) {
    if (SEVERE.contains(code)) {
      return SEVERE.indexOf(code);
    }
    return SEVERE.size() + (MILD.contains(code) ? 1 + MILD.indexOf(code) : 0);
  }
}
