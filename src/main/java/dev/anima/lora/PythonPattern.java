package dev.anima.lora;

import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// A regular expression as Python's `re` reads it, run by Java's.
///
/// The two dialects agree on nearly everything people write in a module pattern; [#compile]
/// translates what differs: named groups, `\Z`, comments, `{,n}`, literal braces, and brackets
/// inside a character class (Java would nest or intersect them).
public final class PythonPattern {
  private static final Pattern QUANTIFIER = Pattern.compile("\\{(\\d*)(,?)(\\d*)}");
  private static final Pattern NAMED_GROUP = Pattern.compile("\\(\\?P<(\\w+)>");
  private static final Pattern NAMED_REFERENCE = Pattern.compile("\\(\\?P=(\\w+)\\)");

  /// Letters that mean the same after a backslash in both dialects, outside of classes.
  private static final String SAME_ESCAPES = "AbBdDsSwWafnrtxu";

  private final String source;
  private final Pattern pattern;

  private PythonPattern(String source, Pattern pattern) {
    this.source = source;
    this.pattern = pattern;
  }

  /// @throws PatternSyntaxException if Python (or this translation) cannot read it
  public static PythonPattern compile(String source) {
    return new PythonPattern(
        source, Pattern.compile(new Translation(source).run(), Pattern.UNIX_LINES));
  }

  /// As `re.fullmatch`: the whole of `text`, not a part of it.
  public boolean fullMatch(String text) {
    return pattern.matcher(text).matches();
  }

  /// The expression as the user wrote it.
  @Override
  public String toString() {
    return source;
  }

  private static final class Translation {
    private final String source;
    private final StringBuilder out = new StringBuilder();
    private final Map<String, String> groupNames = new HashMap<>();
    private int at;

    Translation(String source) {
      this.source = source;
    }

    String run() {
      while (at < source.length()) {
        switch (source.charAt(at)) {
          case '\\' -> escape(false);
          case '[' -> characterClass();
          case '{' -> brace();
          case '}' -> literal('}');
          case '(' -> group();
          default -> out.append(source.charAt(at++));
        }
      }
      return out.toString();
    }

    private void literal(char c) {
      out.append('\\').append(c);
      at++;
    }

    private void escape(boolean inClass) {
      if (at + 1 >= source.length()) {
        throw error("bad escape (end of pattern)");
      }
      char c = source.charAt(at + 1);
      at += 2;
      if (c == 'v') {
        out.append("\\x0B"); // Java's \v is a class of characters
      } else if (c == 'b' && inClass) {
        out.append("\\x08");
      } else if (c == 'Z' && !inClass) {
        out.append("\\z"); // Java's \Z stops before a final line break
      } else if (isAsciiLetter(c) && SAME_ESCAPES.indexOf(c) < 0) {
        at -= 2;
        throw error("bad escape \\" + c);
      } else {
        out.append('\\').append(c);
      }
    }

    private void characterClass() {
      out.append('[');
      at++;
      if (peek('^')) {
        out.append('^');
        at++;
      }
      boolean first = true;
      while (first || !peek(']')) {
        if (at >= source.length()) {
          throw error("unterminated character set");
        }
        char c = source.charAt(at);
        if (c == '\\') {
          escape(true);
        } else if (c == '[' || c == '&' || c == ']' || (first && c == '^')) {
          literal(c);
        } else {
          out.append(c);
          at++;
        }
        first = false;
      }
      out.append(']');
      at++;
    }

    private void brace() {
      Matcher quantifier = QUANTIFIER.matcher(source).region(at, source.length());
      if (!quantifier.lookingAt() || quantifier.group().equals("{}")) {
        literal('{');
        return;
      }
      String low = quantifier.group(1);
      out.append('{')
          .append(low.isEmpty() ? "0" : low)
          .append(quantifier.group(2))
          .append(quantifier.group(3))
          .append('}');
      at = quantifier.end();
    }

    private void group() {
      Matcher named = NAMED_GROUP.matcher(source).region(at, source.length());
      Matcher reference = NAMED_REFERENCE.matcher(source).region(at, source.length());
      if (named.lookingAt()) {
        String name = "g" + groupNames.size(); // Java allows no underscore in a group's name
        if (groupNames.putIfAbsent(named.group(1), name) != null) {
          throw error("redefinition of group name '" + named.group(1) + "'");
        }
        out.append("(?<").append(name).append('>');
        at = named.end();
      } else if (reference.lookingAt()) {
        String name = groupNames.get(reference.group(1));
        if (name == null) {
          throw error("unknown group name '" + reference.group(1) + "'");
        }
        out.append("\\k<").append(name).append('>');
        at = reference.end();
      } else if (source.startsWith("(?#", at)) {
        int end = source.indexOf(')', at);
        if (end < 0) {
          throw error("missing ), unterminated comment");
        }
        at = end + 1;
      } else if (source.startsWith("(?(", at)) {
        throw error("conditional groups are not supported");
      } else {
        out.append('(');
        at++;
      }
    }

    private boolean peek(char c) {
      return at < source.length() && source.charAt(at) == c;
    }

    private static boolean isAsciiLetter(char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }

    private PatternSyntaxException error(String what) {
      return new PatternSyntaxException(what, source, at);
    }
  }
}
