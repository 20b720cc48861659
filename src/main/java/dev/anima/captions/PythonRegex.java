package dev.anima.captions;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Regular expressions as Python users write them, in Java's way of writing: `(?P<name>...)`,
/// `(?P=name)`, names with underscores, `\Z`, and `[` as a plain character of a set.
final class PythonRegex {
  private static final Pattern NAMED_GROUP = Pattern.compile("\\(\\?P?<([A-Za-z_]\\w*)>");
  private static final Pattern BACK_REFERENCE = Pattern.compile("\\(\\?P=(\\w+)\\)");

  private PythonRegex() {}

  /// Java's group names have no underscore.
  static String groupName(String name) {
    return name.startsWith("_")
        ? "U95" + name.substring(1).replace("_", "U95")
        : name.replace("_", "U95");
  }

  static String toJava(String source) {
    StringBuilder java = new StringBuilder();
    int at = 0;
    while (at < source.length()) {
      char c = source.charAt(at);
      if (c == '\\' && at + 1 < source.length()) {
        char next = source.charAt(at + 1);
        java.append('\\').append(next == 'Z' ? 'z' : next);
        at += 2;
      } else if (c == '[') {
        at = set(source, at, java);
      } else if (c == '(') {
        at = group(source, at, java);
      } else {
        java.append(c);
        at++;
      }
    }
    return java.toString();
  }

  private static int group(String source, int at, StringBuilder java) {
    Matcher named = NAMED_GROUP.matcher(source).region(at, source.length());
    if (named.lookingAt()) {
      java.append("(?<").append(groupName(named.group(1))).append('>');
      return named.end();
    }
    Matcher back = BACK_REFERENCE.matcher(source).region(at, source.length());
    if (back.lookingAt()) {
      java.append("\\k<").append(groupName(back.group(1))).append('>');
      return back.end();
    }
    java.append('(');
    return at + 1;
  }

  /// Copies `[...]`; a `]` that comes first is a member, as is every `[` and `&`.
  private static int set(String source, int start, StringBuilder java) {
    java.append('[');
    int at = start + 1;
    if (at < source.length() && source.charAt(at) == '^') {
      java.append('^');
      at++;
    }
    boolean first = true;
    while (at < source.length()) {
      char c = source.charAt(at);
      if (c == ']' && !first) {
        java.append(']');
        return at + 1;
      }
      first = false;
      if (c == '\\' && at + 1 < source.length()) {
        java.append(c).append(source.charAt(at + 1));
        at += 2;
        continue;
      }
      if (c == '[' || c == '&' || c == ']') {
        java.append('\\');
      }
      java.append(c);
      at++;
    }
    return at;
  }
}
