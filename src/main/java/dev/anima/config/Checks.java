package dev.anima.config;

import dev.anima.io.InputException;
import dev.anima.io.PythonText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Stream;

/// Checks that the configuration records share.
final class Checks {
  private Checks() {}

  /// Throws an [InputException] with the message unless `right`.
  static void check(boolean right, String message) {
    if (!right) {
      throw new InputException(message);
    }
  }

  static void atLeastOne(String flag, int value) {
    check(value >= 1, "--%s must be at least 1, got %d".formatted(flag, value));
  }

  static void atLeastOne(String flag, OptionalInt value) {
    value.ifPresent(number -> atLeastOne(flag, number));
  }

  static void positive(String flag, double value) {
    check(value > 0, "--%s must be above 0, got %s".formatted(flag, PythonText.repr(value)));
  }

  static void notNegative(String flag, double value) {
    check(value >= 0, "--%s must not be negative, got %s".formatted(flag, PythonText.repr(value)));
  }

  /// A share that may be 0 but not 1.
  static void share(String flag, double value) {
    check(
        0 <= value && value < 1,
        "--%s must be from 0 to below 1, got %s".formatted(flag, PythonText.repr(value)));
  }

  /// The path a flag names, meant from `workingDir`, which must exist.
  static Path existing(String flag, Path workingDir, String text) {
    absence(flag, workingDir, text)
        .ifPresent(sentence -> {
          throw new InputException(sentence);
        });
    return workingDir.resolve(text);
  }

  /// What to say if there is no such file or folder: with the most similar name in its folder.
  static Optional<String> absence(String flag, Path workingDir, String text) {
    Path path = workingDir.resolve(text);
    return Files.exists(path)
        ? Optional.empty()
        : Optional.of(
            "--%s: %s does not exist%s"
                .formatted(
                    flag,
                    text,
                    NearestName.hint(String.valueOf(path.getFileName()), beside(path))));
  }

  /// Names in the folder of `path`; none if there is no such folder.
  private static List<String> beside(Path path) {
    Path folder = path.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> String.valueOf(file.getFileName())).toList();
    } catch (IOException _) {
      return List.of(); // only a hint
    }
  }

  /// The constant whose flag spelling is `text`; the parser has checked the choice.
  static <E extends Enum<E>> E choice(E[] constants, Function<E, String> spelling, String text) {
    for (E constant : constants) {
      if (spelling.apply(constant).equals(text)) {
        return constant;
      }
    }
    throw new IllegalArgumentException(text);
  }

  /// A constant's name as flags spell it: lower case.
  static String lower(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
