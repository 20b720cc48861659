package dev.anima.config;

import dev.anima.io.PythonText.Tuple;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Python literals as people type them into `--optimizer_args`: numbers, `True`, `False`, `None`,
/// quoted texts, tuples and lists.
public final class PythonLiteral {
  private final String text;
  private int at;

  private PythonLiteral(String text) {
    this.text = text;
  }

  /// Not a literal; the message says where it stopped.
  public static final class MalformedLiteralException extends Exception {
    private static final long serialVersionUID = 1L;

    MalformedLiteralException(String message) {
      super(message);
    }
  }

  /// Value of a literal: `Long`, `Double`, `Boolean`, `String`, null, [Tuple] (also without its
  /// parentheses: `0.9, 0.99`) or `List`.
  public static @Nullable Object parse(String text) throws MalformedLiteralException {
    PythonLiteral parser = new PythonLiteral(text);
    Object value = parser.bareTuple();
    parser.skipBlanks();
    if (parser.at < text.length()) {
      throw parser.unexpected();
    }
    return value;
  }

  private @Nullable Object bareTuple() throws MalformedLiteralException {
    Object first = value();
    skipBlanks();
    if (!peekIs(',')) {
      return first;
    }
    List<@Nullable Object> items = new ArrayList<>();
    items.add(first);
    while (take(',')) {
      skipBlanks();
      if (at == text.length()) {
        break;
      }
      items.add(value());
    }
    return new Tuple(items);
  }

  private @Nullable Object value() throws MalformedLiteralException {
    skipBlanks();
    if (at == text.length()) {
      throw new MalformedLiteralException("a value is missing at the end");
    }
    char c = text.charAt(at);
    return switch (c) {
      case '(' -> parenthesised();
      case '[' -> items(']');
      case '\'', '"' -> string(c);
      default -> word();
    };
  }

  private @Nullable Object parenthesised() throws MalformedLiteralException {
    int start = at;
    List<@Nullable Object> items = items(')');
    boolean comma = text.substring(start, at - 1).stripTrailing().endsWith(",");
    return items.size() == 1 && !comma ? items.getFirst() : new Tuple(items);
  }

  private List<@Nullable Object> items(char close) throws MalformedLiteralException {
    at++;
    List<@Nullable Object> items = new ArrayList<>();
    while (!take(close)) {
      items.add(value());
      if (!take(',') && !peekIs(close)) {
        throw unexpected();
      }
    }
    return Collections.unmodifiableList(items);
  }

  private String string(char quote) throws MalformedLiteralException {
    StringBuilder out = new StringBuilder();
    for (at++; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c == quote) {
        at++;
        return out.toString();
      }
      out.append(c == '\\' && at + 1 < text.length() ? escape(text.charAt(++at)) : c);
    }
    throw new MalformedLiteralException("the text that begins with " + quote + " does not end");
  }

  /// `r'...'`: a backslash stands for itself, but a quote behind one does not end the text.
  private String rawString(char quote) throws MalformedLiteralException {
    int start = ++at;
    while (at < text.length() && text.charAt(at) != quote) {
      at += text.charAt(at) == '\\' ? 2 : 1;
    }
    if (at >= text.length()) {
      throw new MalformedLiteralException("the text that begins with r" + quote + " does not end");
    }
    return text.substring(start, at++);
  }

  // As Python: an unknown escape keeps its backslash, so regular expressions mostly survive.
  private static String escape(char c) {
    return switch (c) {
      case 'n' -> "\n";
      case 't' -> "\t";
      case 'r' -> "\r";
      case '\\', '\'', '"' -> String.valueOf(c);
      default -> "\\" + c;
    };
  }

  private @Nullable Object word() throws MalformedLiteralException {
    int start = at;
    while (at < text.length() && ",()[] \t'\"".indexOf(text.charAt(at)) < 0) {
      at++;
    }
    String word = text.substring(start, at);
    if (word.equalsIgnoreCase("r") && at < text.length() && "'\"".indexOf(text.charAt(at)) >= 0) {
      return rawString(text.charAt(at));
    }
    return switch (word) {
      case "True" -> true;
      case "False" -> false;
      case "None" -> null;
      default -> number(word);
    };
  }

  private Object number(String word) throws MalformedLiteralException {
    boolean digits = word.matches("[+-]?[\\d.].*");
    return PythonNumber.parseInt(word)
        .<Object>map(n -> n)
        .or(() -> PythonNumber.parseFloat(word))
        .filter(_ -> digits)
        .orElseThrow(() ->
            new MalformedLiteralException(
                word.isEmpty()
                    ? "a value is missing"
                    : "\"%s\" is no number; a text needs quotes".formatted(word)));
  }

  private MalformedLiteralException unexpected() {
    return new MalformedLiteralException(
        at < text.length()
            ? "unexpected \"%s\" at character %d".formatted(text.substring(at), at + 1)
            : "it ends too early");
  }

  private boolean peekIs(char c) {
    skipBlanks();
    return at < text.length() && text.charAt(at) == c;
  }

  private boolean take(char c) {
    boolean there = peekIs(c);
    if (there) {
      at++;
    }
    return there;
  }

  private void skipBlanks() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }
}
