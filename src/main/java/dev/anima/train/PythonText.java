package dev.anima.train;

import java.math.BigDecimal;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Values as Python's `str()` writes them, for metadata that other programs compare: `True`,
/// `None`, `0.0001`, `1e-05`, `(0.9, 0.99)`.
public final class PythonText {
  private PythonText() {}

  /// `str(value)`; lists are written as tuples, strings inside them in quotes.
  public static String of(@Nullable Object value) {
    return value instanceof String text ? text : repr(value);
  }

  private static String repr(@Nullable Object value) {
    return switch (value) {
      case null -> "None";
      case Boolean bool -> bool ? "True" : "False";
      case Double number -> floating(number.doubleValue());
      case Float number -> floating(number.doubleValue());
      case String text -> "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
      case List<?> list ->
          list.stream().map(PythonText::repr).collect(Collectors.joining(", ", "(", ""))
              + (list.size() == 1 ? ",)" : ")");
      default -> value.toString();
    };
  }

  /// A float: the shortest digits that read back the same, with an exponent below 1e-4 and from
  /// 1e16 on.
  private static String floating(double number) {
    if (Double.isNaN(number)) {
      return "nan";
    }
    if (Double.isInfinite(number)) {
      return number > 0 ? "inf" : "-inf";
    }
    if (number == 0) {
      return 1 / number < 0 ? "-0.0" : "0.0";
    }
    // Double.toString gives the shortest digits (JDK 19 and newer); only the layout differs.
    BigDecimal digits = new BigDecimal(Double.toString(number)).stripTrailingZeros();
    int exponent = digits.precision() - digits.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = digits.toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String unscaled = digits.unscaledValue().abs().toString();
    String mantissa =
        unscaled.length() == 1 ? unscaled : unscaled.charAt(0) + "." + unscaled.substring(1);
    return (number < 0 ? "-" : "")
        + mantissa
        + (exponent < 0 ? "e-" : "e+")
        + (Math.abs(exponent) < 10 ? "0" : "")
        + Math.abs(exponent);
  }
}
