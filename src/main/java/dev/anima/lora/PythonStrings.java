package dev.anima.lora;

import java.util.ArrayList;
import java.util.List;

/// Reads a Python literal that is a string, or a list or tuple of strings: the form of
/// `exclude_patterns` and `include_patterns`.
final class PythonStrings {
  private static final String CLOSED = "a string must end with its opening quote";

  private final String text;
  private int at;

  private PythonStrings(String text) {
    this.text = text;
  }

  /// @throws IllegalArgumentException with what is wrong and where, as a part of a sentence
  static List<String> parse(String text) {
    PythonStrings parser = new PythonStrings(text);
    parser.skipBlanks();
    List<String> strings =
        switch (parser.current()) {
          case '[' -> parser.sequence(']');
          case '(' -> parser.sequence(')');
          default -> List.of(parser.string());
        };
    parser.skipBlanks();
    if (parser.at < text.length()) {
      throw parser.error("something follows the literal");
    }
    return strings;
  }

  private List<String> sequence(char close) {
    at++;
    List<String> strings = new ArrayList<>();
    skipBlanks();
    while (current() != close) {
      strings.add(string());
      skipBlanks();
      if (current() == ',') {
        at++;
        skipBlanks();
      } else if (current() != close) {
        throw error("expected , or " + close);
      }
    }
    at++;
    return strings;
  }

  /// One or more adjacent string literals, joined as Python joins them.
  private String string() {
    StringBuilder value = new StringBuilder();
    do {
      piece(value);
      skipBlanks();
    } while (isQuote(current()) || isRawPrefix());
    return value.toString();
  }

  private void piece(StringBuilder value) {
    boolean raw = isRawPrefix();
    if (raw) {
      at++;
    }
    char quote = current();
    if (!isQuote(quote)) {
      throw error("expected a quoted string");
    }
    at++;
    while (current() != quote) {
      if (at >= text.length()) {
        throw error(CLOSED);
      }
      char c = text.charAt(at++);
      if (c == '\\') {
        escape(value, raw);
      } else {
        value.append(c);
      }
    }
    at++;
  }

  private void escape(StringBuilder value, boolean raw) {
    if (at >= text.length()) {
      throw error(CLOSED);
    }
    char c = text.charAt(at++);
    if (raw) {
      value.append('\\').append(c);
      return;
    }
    switch (c) {
      case '\\', '\'', '"' -> value.append(c);
      case 'n' -> value.append('\n');
      case 't' -> value.append('\t');
      case 'r' -> value.append('\r');
      case 'b' -> value.append('\b');
      case 'f' -> value.append('\f');
      // Python keeps the backslash of an escape it does not know, so '\d' works unraw.
      default -> value.append('\\').append(c);
    }
  }

  private boolean isRawPrefix() {
    return (current() == 'r' || current() == 'R')
        && at + 1 < text.length()
        && isQuote(text.charAt(at + 1));
  }

  private static boolean isQuote(char c) {
    return c == '\'' || c == '"';
  }

  private char current() {
    return at < text.length() ? text.charAt(at) : '\0';
  }

  private void skipBlanks() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }

  private IllegalArgumentException error(String what) {
    return new IllegalArgumentException(what + " at character " + (at + 1));
  }
}
