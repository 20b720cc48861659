package dev.anima.runs.script;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads the expressions of a PowerShell script.
abstract class PsExpressions extends PsCursor {
  private static final Pattern NUMBER =
      Pattern.compile("-?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?(?![A-Za-z0-9_])");
  private static final Pattern COMPARISON =
      Pattern.compile(
          "-[ic]?(eq|ne|gt|ge|lt|le|like|notlike|match|notmatch|contains|notcontains|in|notin)\\b",
          Pattern.CASE_INSENSITIVE);

  PsExpressions(ScriptText script) {
    super(script);
  }

  /// The rest of a statement that is not worked out.
  String restOfStatement() {
    int start = at;
    while (more() && here() != '\n' && here() != ';' && here() != '}') {
      switch (here()) {
        case '(' -> enclosed('(', ')');
        case '{' -> enclosed('{', '}');
        case '"', '\'' -> primary();
        case '`' -> at += 2;
        default -> at++;
      }
    }
    return text.substring(start, Math.min(at, text.length())).strip();
  }

  String enclosed(char open, char close) {
    Place place = place();
    int start = at;
    int depth = 0;
    while (more()) {
      char c = here();
      if (c == '"' || c == '\'') {
        primary();
        continue;
      }
      at++;
      if (c == open) {
        depth++;
      } else if (c == close && --depth == 0) {
        return text.substring(start, at);
      }
    }
    throw place.problem("the %s opened here is not closed".formatted(open));
  }

  static void flush(StringBuilder plain, List<PsExpression> pieces) {
    if (!plain.isEmpty()) {
      pieces.add(text(plain.toString()));
      plain.setLength(0);
    }
  }

  static PsExpression text(String text) {
    return new PsExpression.Literal(new PsValue.Text(text));
  }

  /// An expression behind an opening parenthesis, and the closing one.
  PsExpression inParentheses() {
    Place place = place();
    int start = at;
    blanksAndLines();
    PsExpression value =
        Character.isLetter(here()) ? new PsExpression.Output(wordsInParentheses()) : logical(true);
    blanksAndLines();
    if (here() != ')') { // something not worked out
      at = start - 1;
      if (here() != '(') {
        throw place.problem("this expression cannot be understood");
      }
      return new PsExpression.Other(enclosed('(', ')'));
    }
    at++;
    return value;
  }

  /// The words of a command in parentheses.
  private List<PsExpression> wordsInParentheses() {
    List<PsExpression> words = new ArrayList<>();
    while (more() && here() != ')' && here() != '|') {
      if (here() == '(') {
        at++;
        words.add(inParentheses());
      } else if (here() == '"' || here() == '\'' || here() == '$') {
        words.add(primary());
      } else {
        int start = at;
        while (more() && " \t\n)".indexOf(here()) < 0) {
          at++;
        }
        words.add(text(text.substring(start, at)));
      }
      blanksAndLines();
    }
    return words;
  }

  void between(boolean lines) {
    if (lines) {
      blanksAndLines();
    } else {
      blanks();
    }
  }

  PsExpression logical(boolean lines) {
    PsExpression left = comparison(lines);
    between(lines);
    while (keyword("-and") || keyword("-or")) {
      String operator = keyword("-and") ? "-and" : "-or";
      at += operator.length();
      left = new PsExpression.Binary(operator, left, comparison(lines));
      between(lines);
    }
    return left;
  }

  PsExpression comparison(boolean lines) {
    between(lines);
    if (here() == '!' || keyword("-not")) {
      at += here() == '!' ? 1 : 4;
      return new PsExpression.Not(comparison(lines));
    }
    PsExpression left = sum(lines);
    between(lines);
    Matcher operator = matcher(COMPARISON);
    if (operator.lookingAt()) {
      at = operator.end();
      return new PsExpression.Binary(
          "-" + operator.group(1).toLowerCase(Locale.ROOT), left, sum(lines));
    }
    return left;
  }

  PsExpression sum(boolean lines) {
    PsExpression left = list(lines);
    between(lines);
    while (here() == '+') {
      at++;
      left = new PsExpression.Binary("+", left, list(lines));
      between(lines);
    }
    return left;
  }

  PsExpression list(boolean lines) {
    between(lines);
    PsExpression first = primary();
    between(lines);
    if (here() != ',') {
      return first;
    }
    List<PsExpression> items = new ArrayList<>(List.of(first));
    while (here() == ',') {
      at++;
      blanksAndLines();
      items.add(primary());
      between(lines);
    }
    return new PsExpression.ListOf(items);
  }

  PsExpression primary() {
    char c = here();
    if (c == '\'') {
      return text(singleQuoted());
    }
    if (c == '"') {
      return doubleQuoted();
    }
    if (starts("@(")) {
      at += 2;
      return items();
    }
    if (starts("@{")) {
      at++;
      return new PsExpression.Other("@" + enclosed('{', '}'));
    }
    if (starts("@\"") || starts("@'")) {
      return hereString();
    }
    if (c == '(') {
      at++;
      return inParentheses();
    }
    if (c == '[') {
      return typed();
    }
    if (c == '$') {
      PsExpression value = dollar();
      return here() == '.' || here() == '[' ? member(value) : value;
    }
    Matcher number = matcher(NUMBER);
    if (number.lookingAt()) {
      at = number.end();
      return new PsExpression.Literal(new PsValue.Numeric(Double.parseDouble(number.group())));
    }
    int start = at;
    while (more() && " \t\r\n;,)}|".indexOf(here()) < 0) {
      at++;
    }
    if (at == start) {
      throw unexpected();
    }
    return new PsExpression.Other(text.substring(start, at));
  }

  /// `@( a, b` and newlines between, up to `)`.
  PsExpression items() {
    Place place = place();
    List<PsExpression> items = new ArrayList<>();
    blanksAndLines();
    while (more() && here() != ')') {
      PsExpression item = logical(false);
      if (item instanceof PsExpression.ListOf(List<PsExpression> several)) {
        items.addAll(several);
      } else {
        items.add(item);
      }
      blanksAndLines();
      if (here() == ',') {
        at++;
        blanksAndLines();
      }
    }
    if (!more()) {
      throw place.problem("the @( opened here is not closed");
    }
    at++;
    return new PsExpression.ListOf(items);
  }

  /// `[type]value` and `[type]::new()`.
  PsExpression typed() {
    Matcher type = matcher(TYPE);
    if (!type.lookingAt()) {
      throw unexpected();
    }
    String name = type.group();
    at = type.end();
    if (starts("::new(")) {
      at += "::new".length();
      enclosed('(', ')');
      return name.toLowerCase(Locale.ROOT).contains("list")
          ? new PsExpression.ListOf(List.of())
          : new PsExpression.Other(name + "::new()");
    }
    if (starts("::")) {
      int start = at;
      while (more() && (Character.isLetterOrDigit(here()) || here() == ':')) {
        at++;
      }
      String rest = text.substring(start, at);
      return new PsExpression.Other(name + rest + (here() == '(' ? enclosed('(', ')') : ""));
    }
    blanks();
    return primary();
  }

  PsExpression member(PsExpression value) {
    int start = at;
    while (here() == '.' || here() == '[') {
      if (here() == '[') {
        enclosed('[', ']');
      } else {
        at++;
        while (Character.isLetterOrDigit(here()) || here() == '_') {
          at++;
        }
        if (here() == '(') {
          enclosed('(', ')');
        }
      }
    }
    String name = value instanceof PsExpression.Variable(String variable) ? "$" + variable : "...";
    return new PsExpression.Other(name + text.substring(start, at));
  }

  PsExpression dollar() {
    if (starts("$(")) {
      at += 2;
      return inParentheses();
    }
    Matcher variable = matcher(VARIABLE);
    if (!variable.lookingAt()) {
      at++;
      return text("$");
    }
    at = variable.end();
    return new PsExpression.Variable(name(variable));
  }

  PsExpression doubleQuoted() {
    Place place = place();
    at++;
    List<PsExpression> pieces = new ArrayList<>();
    StringBuilder plain = new StringBuilder();
    while (more()) {
      char c = here();
      if (c == '"') {
        at++;
        if (here() != '"') {
          pieces.add(text(plain.toString()));
          return new PsExpression.Joined(pieces);
        }
        plain.append('"');
        at++;
      } else if (c == '`') {
        at++;
        plain.append(escaped(here()));
        at++;
      } else if (c == '$') {
        pieces.add(text(plain.toString()));
        plain.setLength(0);
        pieces.add(dollar());
      } else {
        plain.append(c);
        at++;
      }
    }
    throw place.problem("the quote \" opened here is not closed");
  }

  static String escaped(char c) {
    return switch (c) {
      case 'n' -> "\n";
      case 't' -> "\t";
      case 'r' -> "\r";
      default -> String.valueOf(c);
    };
  }

  /// `@" lines "@`; variables inside are not worked out.
  PsExpression hereString() {
    Place place = place();
    String close = "\n" + text.charAt(at + 1) + "@";
    int end = text.indexOf(close, at);
    if (end < 0) {
      throw place.problem("the text opened here with @%s is not closed".formatted(close.charAt(1)));
    }
    int first = text.indexOf('\n', at) + 1;
    String inner = first <= end ? text.substring(first, end) : "";
    at = end + close.length();
    return close.charAt(1) == '"' && inner.contains("$")
        ? new PsExpression.Other(inner)
        : text(inner);
  }
}
