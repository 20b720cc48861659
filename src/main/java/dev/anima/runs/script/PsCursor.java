package dev.anima.runs.script;

import dev.anima.io.InputException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A place in the text of a PowerShell script, and what all layers of its parser ask there. The
/// layers above it read expressions, then commands, then statements.
abstract class PsCursor {
  static final Pattern VARIABLE =
      Pattern.compile("\\$(?:\\{([^}]*)\\}|((?:[A-Za-z]+:)?[A-Za-z0-9_?]+))");
  static final Pattern TYPE = Pattern.compile("\\[[A-Za-z][A-Za-z0-9_.\\[\\]]*\\]");

  final String text;
  int at;
  private final ScriptText script;

  PsCursor(ScriptText script) {
    this.script = script;
    this.text = script.joined();
  }

  boolean more() {
    return at < text.length();
  }

  char here() {
    return more() ? text.charAt(at) : '\0';
  }

  boolean starts(String with) {
    return text.startsWith(with, at);
  }

  Place place() {
    return script.at(
        1
            + (int)
                text.substring(0, Math.min(at, text.length()))
                    .chars()
                    .filter(c -> c == '\n')
                    .count());
  }

  InputException unexpected() {
    String rest = text.substring(at).lines().findFirst().orElse("the end");
    return place().problem("\"%s\" is unexpected here".formatted(rest.strip()));
  }

  boolean keyword(String word) {
    return text.regionMatches(true, at, word, 0, word.length())
        && (at + word.length() >= text.length() || endsWord(text.charAt(at + word.length())));
  }

  private static boolean endsWord(char c) {
    return !Character.isLetterOrDigit(c) && "-_.".indexOf(c) < 0;
  }

  Matcher matcher(Pattern pattern) {
    return pattern.matcher(text).region(at, text.length());
  }

  /// Blanks, continued lines and comments within a statement.
  void blanks() {
    while (more()) {
      if (here() == ' ' || here() == '\t' || here() == '\r') {
        at++;
      } else if (here() == '`' && text.substring(at).matches("(?s)`[ \\t]*\\n.*")) {
        int end = text.indexOf('\n', at);
        if (end > at + 1) {
          throw place()
              .problem(
                  "blanks behind the ` end the command here, and the next line would be lost\n  -> delete the blanks at the end of the line");
        }
        at = end + 1;
      } else if (starts("<#")) {
        int end = text.indexOf("#>", at);
        at = end < 0 ? text.length() : end + 2;
      } else if (here() == '#') {
        int end = text.indexOf('\n', at);
        at = end < 0 ? text.length() : end;
      } else {
        return;
      }
    }
  }

  void blanksAndLines() {
    blanks();
    while (here() == '\n' || here() == ';') {
      at++;
      blanks();
    }
  }

  void take(String wanted) {
    if (!starts(wanted)) {
      throw place().problem("\"%s\" is missing here".formatted(wanted));
    }
    at += wanted.length();
  }

  void skipTypes() {
    Matcher type = matcher(TYPE);
    while (type.lookingAt()) {
      at = type.end();
      blanks();
      type = matcher(TYPE);
    }
  }

  static String name(Matcher variable) {
    String name = variable.group(1) != null ? variable.group(1) : variable.group(2);
    return name.toLowerCase(Locale.ROOT).replaceFirst("^(global|script|local):", "");
  }

  String singleQuoted() {
    Place place = place();
    at++;
    StringBuilder out = new StringBuilder();
    while (more()) {
      char c = here();
      at++;
      if (c != '\'') {
        out.append(c);
      } else if (here() == '\'') {
        out.append('\'');
        at++;
      } else {
        return out.toString();
      }
    }
    throw place.problem("the quote ' opened here is not closed");
  }
}
