package dev.anima.dataset;

import java.math.BigDecimal;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// JSON as Python's `json.dumps` writes it: `", "` and `": "` as separators, floats in their
/// shortest form. Values are maps, lists, text, numbers, booleans and null.
public final class PythonJson {
  private static final String INDENT = "  ";

  private final StringBuilder out = new StringBuilder();
  private final boolean ascii;
  private final boolean indented;

  private PythonJson(boolean ascii, boolean indented) {
    this.ascii = ascii;
    this.indented = indented;
  }

  /// One line, everything outside ASCII escaped: how metadata is stored.
  public static String line(@Nullable Object value) {
    return new PythonJson(true, false).append(value, 0).out.toString();
  }

  /// Indented by two spaces, other characters kept (`indent=2, ensure_ascii=False`).
  public static String indented(@Nullable Object value) {
    return new PythonJson(false, true).append(value, 0).out.toString();
  }

  private PythonJson append(@Nullable Object value, int depth) {
    switch (value) {
      case null -> out.append("null");
      case String text -> appendText(text);
      case Double number -> out.append(number(number));
      case Boolean _, Integer _, Long _ -> out.append(value);
      case Map<?, ?> map -> appendMap(map, depth);
      case List<?> list -> appendList(list, depth);
      default -> throw new IllegalArgumentException("no JSON for " + value.getClass());
    }
    return this;
  }

  private void appendMap(Map<?, ?> map, int depth) {
    out.append('{');
    Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator();
    while (entries.hasNext()) {
      Map.Entry<?, ?> entry = entries.next();
      newLine(depth + 1);
      appendText(String.valueOf(entry.getKey()));
      out.append(": ");
      append(entry.getValue(), depth + 1);
      separator(entries.hasNext());
    }
    close('}', map.isEmpty(), depth);
  }

  private void appendList(List<?> list, int depth) {
    out.append('[');
    Iterator<?> elements = list.iterator();
    while (elements.hasNext()) {
      newLine(depth + 1);
      append(elements.next(), depth + 1);
      separator(elements.hasNext());
    }
    close(']', list.isEmpty(), depth);
  }

  private void separator(boolean more) {
    if (more) {
      out.append(indented ? "," : ", ");
    }
  }

  private void newLine(int depth) {
    if (indented) {
      out.append('\n').append(INDENT.repeat(depth));
    }
  }

  private void close(char bracket, boolean empty, int depth) {
    if (!empty) {
      newLine(depth);
    }
    out.append(bracket);
  }

  private void appendText(String text) {
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
          if (c < 0x20 || (ascii && c > 0x7e)) {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }

  /// A float as Python prints it: `0.1`, `1e-05`, `1e+16`, `96.0`.
  public static String number(double value) {
    if (Double.isNaN(value)) {
      return "NaN";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "Infinity" : "-Infinity";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = shortest.toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String digits = shortest.unscaledValue().abs().toString();
    String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
    String sign = exponent < 0 ? "-" : "+";
    return (value < 0 ? "-" : "") + mantissa + "e" + sign + "%02d".formatted(Math.abs(exponent));
  }
}
