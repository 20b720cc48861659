package dev.anima.config;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/// Numbers as Python's `int(text)` and `float(text)` read them; [dev.anima.io.PythonText] writes
/// them.
public final class PythonNumber {
  private static final Pattern INT = Pattern.compile("[+-]?\\d+(_\\d+)*");
  private static final String DIGITS = "\\d+(?:_\\d+)*";
  private static final Pattern FLOAT =
      Pattern.compile("[+-]?(?:%1$s\\.?(?:%1$s)?|\\.%1$s)(?:[eE][+-]?%1$s)?".formatted(DIGITS));

  private PythonNumber() {}

  /// `int(text)`: blanks around and single underscores between digits are allowed, `1.0` is not.
  /// Empty also beyond 64 bits, which no flag needs.
  public static Optional<Long> parseInt(String text) {
    String digits = text.strip();
    if (!INT.matcher(digits).matches()) {
      return Optional.empty();
    }
    try {
      return Optional.of(Long.parseLong(digits.replace("_", "")));
    } catch (NumberFormatException _) {
      return Optional.empty();
    }
  }

  /// `float(text)`: also `inf`, `infinity` and `nan` in any case with a sign.
  public static Optional<Double> parseFloat(String text) {
    String number = text.strip();
    if (FLOAT.matcher(number).matches()) {
      return Optional.of(Double.parseDouble(number.replace("_", "")));
    }
    return switch (number.toLowerCase(Locale.ROOT)) {
      case "inf", "+inf", "infinity", "+infinity" -> Optional.of(Double.POSITIVE_INFINITY);
      case "-inf", "-infinity" -> Optional.of(Double.NEGATIVE_INFINITY);
      case "nan", "+nan", "-nan" -> Optional.of(Double.NaN);
      default -> Optional.empty();
    };
  }
}
