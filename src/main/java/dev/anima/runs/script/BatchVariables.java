package dev.anima.runs.script;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Fills in `%NAME%`, `%~dp0` and `!NAME!` as cmd.exe does.
final class BatchVariables {
  private static final Pattern OWN_PATH = Pattern.compile("%~?([fdpnx]*)0");
  private static final Set<String> ONLY_WHEN_RUN =
      Set.of("ERRORLEVEL", "DATE", "TIME", "RANDOM", "CMDCMDLINE");

  private final Map<String, String> values = new HashMap<>();
  private final Session session;
  private final Path script;

  BatchVariables(Session session, Path script) {
    this.session = session;
    this.script = script.toAbsolutePath().normalize();
  }

  void set(String name, String value) {
    values.put(name.toUpperCase(Locale.ROOT), value);
  }

  void remove(String name) {
    values.remove(name.toUpperCase(Locale.ROOT));
  }

  boolean isSet(String name) {
    return !Unknown.isIn(value(name, name));
  }

  /// `line` with everything between two `%` replaced; `%%` becomes `%`.
  ///
  /// @param notes receives what a reader of the script may not expect
  String expand(String line, Place place, List<String> notes) {
    StringBuilder out = new StringBuilder();
    int i = 0;
    while (i < line.length()) {
      char c = line.charAt(i);
      if (c != '%') {
        out.append(c);
        i++;
        continue;
      }
      Matcher own = OWN_PATH.matcher(line).region(i, line.length());
      if (line.startsWith("%%", i)) {
        out.append('%');
        i += 2;
      } else if (own.lookingAt()) {
        out.append(ownPath(own.group(1)));
        i = own.end();
      } else if (line.substring(i).matches("%(\\*|~?[a-z]*[1-9]).*")) {
        int end = line.charAt(i + 1) == '*' ? i + 2 : firstDigit(line, i) + 1;
        out.append(Unknown.of(line.substring(i, end), "would be an argument given to the script"));
        i = end;
      } else {
        int end = line.indexOf('%', i + 1);
        if (end < 0) {
          notes.add(
              "%s: cmd.exe drops a single %%: write %%%% for a percent sign".formatted(place));
          i++;
        } else {
          out.append(variable(line.substring(i + 1, end), line.substring(i, end + 1)));
          i = end + 1;
        }
      }
    }
    return out.toString();
  }

  private static int firstDigit(String line, int from) {
    int i = from;
    while (!Character.isDigit(line.charAt(i))) {
      i++;
    }
    return i;
  }

  private String ownPath(String parts) {
    String separator = session.surroundings().windows() ? "\\" : "/";
    String name = String.valueOf(script.getFileName());
    int dot = name.lastIndexOf('.');
    StringBuilder out = new StringBuilder();
    boolean all = parts.isEmpty() || parts.contains("f");
    if (all || parts.contains("d") || parts.contains("p")) {
      String folder = String.valueOf(script.getParent());
      out.append(folder).append(folder.endsWith(separator) ? "" : separator);
    }
    if (all || parts.contains("n")) {
      out.append(name, 0, dot);
    }
    if (all || parts.contains("x")) {
      out.append(name.substring(dot));
    }
    return out.toString();
  }

  private String variable(String inner, String shown) {
    int colon = inner.indexOf(':');
    if (colon > 0 && isSet(inner.substring(0, colon))) {
      return changed(value(inner.substring(0, colon), shown), inner.substring(colon + 1), shown);
    }
    return value(inner, shown);
  }

  /// `%NAME:old=new%`; the other forms are rare.
  private static String changed(String value, String change, String shown) {
    int equals = change.indexOf('=');
    return equals > 0 && !change.startsWith("*") && !change.startsWith("~")
        ? Pattern.compile(change.substring(0, equals), Pattern.LITERAL | Pattern.CASE_INSENSITIVE)
            .matcher(value)
            .replaceAll(Matcher.quoteReplacement(change.substring(equals + 1)))
        : Unknown.of(shown, "is a part of a variable, which is not worked out here");
  }

  private String value(String name, String shown) {
    String key = name.toUpperCase(Locale.ROOT);
    String set = values.get(key);
    if (set != null) {
      return set;
    }
    if (key.equals("CD")) {
      return session.folder().toString();
    }
    if (ONLY_WHEN_RUN.contains(key)) {
      return Unknown.of(shown, "is only known while the script runs");
    }
    return session
        .surroundings()
        .variable(name, true)
        .orElseGet(() ->
            name.contains(" ")
                ? Unknown.of(shown, "is read as a variable by cmd.exe: write %% for a percent sign")
                : Unknown.unset(shown));
  }

  /// `!NAME!` after `setlocal enabledelayedexpansion`.
  String delayed(String word) {
    return Pattern.compile("!([^!]+)!")
        .matcher(word)
        .replaceAll(match -> Matcher.quoteReplacement(value(match.group(1), match.group())));
  }
}
