package dev.anima.io;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Values as Python would print them: metadata of trained files is Python text, and other programs
/// parse it.
///
/// Java values stand for Python's: null for None, Boolean, Integer and Long for int, Double for
/// float, String for str, List for list, [Tuple] for tuple, Map (in its order) for dict.
public final class PythonText {
  /// Below and from these powers of ten on, Python writes an exponent.
  private static final int SMALLEST_PLAIN_EXPONENT = -4;

  private static final int LARGEST_PLAIN_EXPONENT = 15;

  private PythonText() {}

  /// A tuple, such as `(0.9, 0.99)`.
  public record Tuple(List<@Nullable Object> items) {
    public Tuple {
      items = Collections.unmodifiableList(new ArrayList<>(items));
    }
  }

  /// `str(value)`: as [#repr], but a string alone stays as it is.
  public static String str(@Nullable Object value) {
    return value instanceof String text ? text : repr(value);
  }

  /// `repr(value)`: `None`, `True`, `1e-05`, `'text'`, `[1, 2.0]`, `{'a': 1}`.
  public static String repr(@Nullable Object value) {
    return switch (value) {
      case null -> "None";
      case Boolean b -> b ? "True" : "False";
      case Integer i -> i.toString();
      case Long l -> l.toString();
      case Double d -> repr(d.doubleValue());
      case String text -> quoted(text);
      case Tuple(List<@Nullable Object> items) -> tuple(items);
      case List<?> list ->
          list.stream().map(PythonText::repr).collect(Collectors.joining(", ", "[", "]"));
      case Map<?, ?> map ->
          map.entrySet().stream()
              .map(entry -> repr(entry.getKey()) + ": " + repr(entry.getValue()))
              .collect(Collectors.joining(", ", "{", "}"));
      default -> throw new IllegalArgumentException("no Python text for " + value.getClass());
    };
  }

  /// `str(tuple)`: `(1024, 1024)`, `(5,)`.
  public static String tuple(List<?> values) {
    return values.stream()
        .map(PythonText::repr)
        .collect(Collectors.joining(", ", "(", values.size() == 1 ? ",)" : ")"));
  }

  /// `repr(float)`: the shortest digits that give the same number, `0.0001`, `1e-05`, `1e+16`,
  /// `inf`, `nan`.
  public static String repr(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = shortest(Math.abs(value));
    String digits = shortest.unscaledValue().toString();
    int exponent = digits.length() - 1 - shortest.scale();
    return (value < 0 ? "-" : "")
        + (exponent < SMALLEST_PLAIN_EXPONENT || exponent > LARGEST_PLAIN_EXPONENT
            ? scientific(digits, exponent)
            : plain(digits, exponent));
  }

  private static BigDecimal shortest(double value) {
    BigDecimal decimal = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    if (decimal.precision() == 2) {
      // Java prefers two digits to one where two are nearer (4.9E-324); Python takes the shortest
      BigDecimal oneDigit = decimal.round(new MathContext(1)).stripTrailingZeros();
      if (oneDigit.doubleValue() == value) {
        return oneDigit;
      }
    }
    return decimal;
  }

  private static String scientific(String digits, int exponent) {
    String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
    return digits.charAt(0)
        + fraction
        + "e%s%02d".formatted(exponent < 0 ? "-" : "+", Math.abs(exponent));
  }

  private static String plain(String digits, int exponent) {
    if (exponent < 0) {
      return "0." + "0".repeat(-exponent - 1) + digits;
    }
    int whole = exponent + 1;
    if (digits.length() <= whole) {
      return digits + "0".repeat(whole - digits.length()) + ".0";
    }
    return digits.substring(0, whole) + "." + digits.substring(whole);
  }

  /// Single quotes unless the text has some and no double ones; what is not printable as an escape.
  private static String quoted(String text) {
    char quote = text.contains("'") && !text.contains("\"") ? '"' : '\'';
    StringBuilder out = new StringBuilder().append(quote);
    text.codePoints().forEach(c -> appendQuoted(out, c, quote));
    return out.append(quote).toString();
  }

  private static void appendQuoted(StringBuilder out, int c, char quote) {
    switch (c) {
      case '\n' -> out.append("\\n");
      case '\r' -> out.append("\\r");
      case '\t' -> out.append("\\t");
      case '\\' -> out.append("\\\\");
      default -> {
        if (c == quote) {
          out.append('\\').append(quote);
        } else if (isPrintable(c)) {
          out.appendCodePoint(c);
        } else if (c <= 0xFF) {
          out.append("\\x%02x".formatted(c));
        } else {
          out.append((c <= 0xFFFF ? "\\u%04x" : "\\U%08x").formatted(c));
        }
      }
    }
  }

  /// As `str.isprintable`: no separators but the blank, nothing of Unicode's class "other".
  private static boolean isPrintable(int c) {
    return c == ' '
        || switch (Character.getType(c)) {
          case Character.CONTROL,
              Character.FORMAT,
              Character.SURROGATE,
              Character.PRIVATE_USE,
              Character.UNASSIGNED,
              Character.LINE_SEPARATOR,
              Character.PARAGRAPH_SEPARATOR,
              Character.SPACE_SEPARATOR ->
              false;
          default -> true;
        };
  }

  /// `json.dumps(value)`: `", "` and `": "` between, everything beyond ASCII as four hex digits
  /// behind a backslash and `u`.
  public static String json(@Nullable Object value) {
    StringBuilder out = new StringBuilder();
    appendJson(out, value);
    return out.toString();
  }

  private static void appendJson(StringBuilder out, @Nullable Object value) {
    switch (value) {
      case null -> out.append("null");
      case Boolean b -> out.append(b ? "true" : "false");
      case Integer i -> out.append(i.intValue());
      case Long l -> out.append(l.longValue());
      case Double d -> out.append(jsonNumber(d));
      case String text -> appendJsonString(out, text, true);
      case List<?> list -> {
        out.append('[');
        String separator = "";
        for (Object element : list) {
          out.append(separator);
          appendJson(out, element);
          separator = ", ";
        }
        out.append(']');
      }
      case Map<?, ?> map -> {
        out.append('{');
        String separator = "";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          out.append(separator);
          appendJsonString(out, jsonKey(entry.getKey()), true);
          out.append(": ");
          appendJson(out, entry.getValue());
          separator = ", ";
        }
        out.append('}');
      }
      default -> throw new IllegalArgumentException("no JSON for " + value.getClass());
    }
  }

  private static String jsonNumber(double value) {
    if (Double.isFinite(value)) {
      return repr(value);
    }
    return Double.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  }

  /// Python turns numbers, truth values and None into strings when they are keys.
  private static String jsonKey(@Nullable Object key) {
    return key instanceof String text ? text : json(key);
  }

  /// As Python's `json.dumps(text, ensure_ascii=False)`.
  public static String jsonUnicode(String text) {
    StringBuilder out = new StringBuilder();
    appendJsonString(out, text, false);
    return out.toString();
  }

  private static void appendJsonString(StringBuilder out, String text, boolean asciiOnly) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ' || (asciiOnly && c > '~')) {
            out.append("\\u%04x".formatted((int) c)); // a surrogate pair becomes two escapes
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
