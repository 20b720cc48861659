package dev.anima.captions.filter;

import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;

/// The characters of a filter, with a place in them.
final class FilterReader {
  private final String text;
  private final int offset;
  private int at;

  /// @param offset of `text` in the whole filter, for messages
  FilterReader(String text, int offset) {
    this.text = text;
    this.offset = offset;
  }

  /// A value as it was written.
  ///
  /// @param text for a pattern: backslashes before `*`, `?`, `[` and `\` still stand
  record Value(Kind kind, String text, int column) {
    enum Kind {
      WORD,
      QUOTED,
      REGEX,
      REGEX_ANY_CASE
    }
  }

  int column() {
    return offset + at + 1;
  }

  FilterException error(String message) {
    return new FilterException(column(), message);
  }

  void skipSpace() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }

  boolean atEnd() {
    return at >= text.length();
  }

  char peek() {
    return at < text.length() ? text.charAt(at) : 0;
  }

  char peekNext() {
    return at + 1 < text.length() ? text.charAt(at + 1) : 0;
  }

  /// Passes over `wanted` if it comes next.
  boolean take(String wanted) {
    if (text.startsWith(wanted, at)) {
      at += wanted.length();
      return true;
    }
    return false;
  }

  /// Whether the word (any case) stands here, alone.
  boolean sees(String word) {
    int end = at + word.length();
    return text.regionMatches(true, at, word, 0, word.length())
        && (end >= text.length() || Character.isWhitespace(text.charAt(end)) || isBracket(end));
  }

  private boolean isBracket(int index) {
    return text.charAt(index) == '(' || text.charAt(index) == ')';
  }

  /// Whether nothing but `word` is in the whole text.
  boolean isOnly(String word) {
    return offset == 0 && text.strip().equalsIgnoreCase(word);
  }

  /// A run of letters in lower case before `:` (white space between), accepted by `isKey`; passes
  /// over both.
  Optional<String> key(Predicate<String> isKey) {
    int end = letters();
    String key = text.substring(at, end).toLowerCase(Locale.ROOT);
    int colon = space(end);
    if (end == at || colon >= text.length() || text.charAt(colon) != ':' || !isKey.test(key)) {
      return Optional.empty();
    }
    at = colon + 1;
    return Optional.of(key);
  }

  /// A key before `(`; passes over both.
  Optional<String> call(Predicate<String> isName) {
    int end = letters();
    String name = text.substring(at, end).toLowerCase(Locale.ROOT);
    if (end == at || end >= text.length() || text.charAt(end) != '(' || !isName.test(name)) {
      return Optional.empty();
    }
    at = end + 1;
    return Optional.of(name);
  }

  /// A key before a comparison sign (white space between); passes over the key only.
  Optional<String> comparedKey(Predicate<String> isKey) {
    int end = letters();
    String key = text.substring(at, end).toLowerCase(Locale.ROOT);
    int sign = space(end);
    boolean compared = sign < text.length() && "<>=!".indexOf(text.charAt(sign)) >= 0;
    if (end == at || !compared || !isKey.test(key)) {
      return Optional.empty();
    }
    at = end;
    return Optional.of(key);
  }

  private int letters() {
    int end = at;
    while (end < text.length() && isAsciiLetter(text.charAt(end))) {
      end++;
    }
    return end;
  }

  private static boolean isAsciiLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }

  private int space(int from) {
    int end = from;
    while (end < text.length() && Character.isWhitespace(text.charAt(end))) {
      end++;
    }
    return end;
  }

  /// The text up to the next `,` or `)` that is neither quoted nor inside brackets; passes over it.
  FilterReader item() {
    int start = at;
    int depth = 0;
    char quote = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '\\') {
        at++;
      } else if (quote != 0) {
        quote = c == quote ? 0 : quote;
      } else if ((c == '"' || c == '\'') && startsValue(start)) {
        quote = c;
      } else if (c == '(') {
        depth++;
      } else if (c == ')' && depth-- == 0) {
        break;
      } else if (c == ',' && depth == 0) {
        break;
      }
      at++;
    }
    at = Math.min(at, text.length());
    return new FilterReader(text.substring(start, at), offset + start);
  }

  /// Quotes begin values, they do not stand inside words: `it's`.
  private boolean startsValue(int start) {
    if (at == start) {
      return true;
    }
    char before = text.charAt(at - 1);
    return Character.isWhitespace(before) || before == ':' || before == '(' || before == '-';
  }

  String all() {
    return text;
  }

  /// A value; there is at least one more character.
  Value value() {
    int column = column();
    char first = peek();
    if (first == '"' || first == '\'') {
      return new Value(Value.Kind.QUOTED, quoted(first), column);
    }
    if (first == '/') {
      Optional<Value> regex = regex(column);
      if (regex.isPresent()) {
        return regex.get();
      }
    }
    return new Value(Value.Kind.WORD, word(), column);
  }

  private String quoted(char quote) {
    int start = column();
    StringBuilder value = new StringBuilder();
    at++;
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c == quote) {
        return value.toString();
      }
      if (c == '\\' && at < text.length()) {
        c = text.charAt(at++);
      }
      value.append(c);
    }
    throw new FilterException(start, "the quotation mark %c is not closed".formatted(quote));
  }

  /// `/.../` or `/.../i`, if that is what stands here.
  private Optional<Value> regex(int column) {
    for (int end = at + 1; end < text.length(); end++) {
      char c = text.charAt(end);
      if (c == '\\') {
        end++;
      } else if (c == '/' && end > at + 1) {
        boolean anyCase = end + 1 < text.length() && text.charAt(end + 1) == 'i';
        int after = end + (anyCase ? 2 : 1);
        if (after >= text.length() || " \t\n),".indexOf(text.charAt(after)) >= 0) {
          String source = text.substring(at + 1, end).replace("\\/", "/");
          at = after;
          return Optional.of(
              new Value(anyCase ? Value.Kind.REGEX_ANY_CASE : Value.Kind.REGEX, source, column));
        }
      }
    }
    return Optional.empty();
  }

  /// Up to white space or a bracket that closes nothing; brackets inside are balanced.
  private String word() {
    StringBuilder word = new StringBuilder();
    int depth = 0;
    int opened = column();
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '\\' && at + 1 < text.length()) {
        char escaped = text.charAt(at + 1);
        word.append("()\"' ,".indexOf(escaped) >= 0 ? "" : "\\").append(escaped);
        at += 2;
        continue;
      }
      if (Character.isWhitespace(c) && depth == 0) {
        break;
      }
      if (c == '(') {
        opened = depth == 0 ? column() : opened;
        depth++;
      } else if (c == ')') {
        if (depth == 0) {
          break;
        }
        depth--;
      }
      word.append(c);
      at++;
    }
    if (depth > 0) {
      throw new FilterException(opened, "the bracket ( is not closed");
    }
    return word.toString();
  }

  /// The digits, and a point, that stand here; empty if there are none.
  String digits() {
    int start = at;
    while (at < text.length() && isNumberPart()) {
      at++;
    }
    return text.substring(start, at);
  }

  /// The two points of a range do not belong to its first number.
  private boolean isNumberPart() {
    char c = text.charAt(at);
    return (c >= '0' && c <= '9')
        || (c == '.' && peekNext() != '.' && peekNext() >= '0' && peekNext() <= '9');
  }

  /// What stands here up to white space or a bracket, for messages.
  String rest() {
    int end = at;
    while (end < text.length()
        && !Character.isWhitespace(text.charAt(end))
        && text.charAt(end) != ')') {
      end++;
    }
    return text.substring(at, end);
  }
}
