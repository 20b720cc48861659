package dev.anima.config;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/// Numbers as Python's `int(text)` and `float(text)` read them, and as its `str` writes them.
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

  /// `str(value)` of a Python float: shortest digits that read back, an exponent below 1e-4 and
  /// from 1e16 on (`0.0001`, `1e-05`, `1.0`, `1e+16`).
  public static String text(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return Double.toString(value);
    }
    var exact = new java.math.BigDecimal(Double.toString(value)).stripTrailingZeros();
    int exponent = exact.precision() - exact.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = exact.toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String digits = exact.unscaledValue().abs().toString();
    return (value < 0 ? "-" : "")
        + digits.charAt(0)
        + (digits.length() > 1 ? "." + digits.substring(1) : "")
        + "e%s%02d".formatted(exponent < 0 ? "-" : "+", Math.abs(exponent));
  }
}
