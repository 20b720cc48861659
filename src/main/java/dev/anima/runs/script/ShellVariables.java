package dev.anima.runs.script;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The variables and lists of a shell script, and how words are filled in with them.
final class ShellVariables {
  private static final Pattern DEFAULT = Pattern.compile(":?([-=+])(.*)", Pattern.DOTALL);
  private static final Pattern INDEX = Pattern.compile("\\[(\\d+|@|\\*)\\]");

  private final Map<String, List<String>> values = new HashMap<>();
  private final Session session;
  private final ScriptText script;

  /// Works out `$( )`: empty if that takes running something.
  private final Function<ShellWord.Part.Substitution, Optional<String>> substitutions;

  ShellVariables(
      Session session,
      ScriptText script,
      Function<ShellWord.Part.Substitution, Optional<String>> substitutions) {
    this.session = session;
    this.script = script;
    this.substitutions = substitutions;
  }

  void set(String name, String value) {
    values.put(name, List.of(value));
  }

  void setList(String name, List<String> list) {
    values.put(name, List.copyOf(list));
  }

  void append(String name, List<String> more) {
    List<String> all = new ArrayList<>(values.getOrDefault(name, List.of()));
    all.addAll(more);
    values.put(name, List.copyOf(all));
  }

  String appended(String name, String more) {
    return values.getOrDefault(name, List.of("")).getFirst() + more;
  }

  void remove(String name) {
    values.remove(name);
  }

  // ---- words ----------------------------------------------------------------------------------

  /// The words that `word` becomes: text without quotes is cut at blanks, a list gives one word for
  /// each item.
  List<String> fields(ShellWord word) {
    List<String> fields = new ArrayList<>();
    StringBuilder current = new StringBuilder();
    boolean begun = false;
    boolean first = true;
    for (ShellWord.Part part : word.parts()) {
      List<String> items = items(part, first);
      first = false;
      boolean split = !part.quoted() && !(part instanceof ShellWord.Part.Text);
      for (int i = 0; i < items.size(); i++) {
        if (i > 0) {
          fields.add(current.toString());
          current.setLength(0);
        }
        String item = items.get(i);
        if (!split || Unknown.isIn(item)) {
          current.append(item);
          begun |= part.quoted() || !item.isEmpty();
          continue;
        }
        String[] pieces = item.split("[ \\t\\n]+", -1);
        for (int k = 0; k < pieces.length; k++) {
          if (k > 0 && begun) {
            fields.add(current.toString());
            current.setLength(0);
            begun = false;
          }
          current.append(pieces[k]);
          begun |= !pieces[k].isEmpty();
        }
      }
    }
    if (begun) {
      fields.add(current.toString());
    }
    return fields;
  }

  /// The word as one text, as assignments and tests take it.
  String text(ShellWord word) {
    StringBuilder out = new StringBuilder();
    boolean first = true;
    for (ShellWord.Part part : word.parts()) {
      out.append(String.join(" ", items(part, first)));
      first = false;
    }
    return out.toString();
  }

  private List<String> items(ShellWord.Part part, boolean first) {
    return switch (part) {
      case ShellWord.Part.Text(String text, boolean quoted) ->
          List.of(first && !quoted ? home(text) : text);
      case ShellWord.Part.Variable variable -> variable(variable);
      case ShellWord.Part.Substitution substitution ->
          List.of(
              substitutions
                  .apply(substitution)
                  .orElseGet(() ->
                      Unknown.of(
                          "$(" + substitution.commands() + ")",
                          "is the output of a command, which is not run here")));
      case ShellWord.Part.Sum(String sum, _) ->
          List.of(Unknown.of("$((" + sum + "))", "is calculated, which is not done here"));
    };
  }

  private String home(String text) {
    return text.equals("~") || text.startsWith("~/")
        ? session.surroundings().variable("HOME", false).orElse("~") + text.substring(1)
        : text;
  }

  private List<String> variable(ShellWord.Part.Variable variable) {
    String shown =
        variable.change().isEmpty()
            ? "$" + variable.name()
            : "${" + variable.name() + variable.change() + "}";
    Optional<List<String>> found = lookUp(variable.name());
    String change = variable.change();
    Matcher index = INDEX.matcher(change);
    if (index.matches()) {
      return index.group(1).matches("\\d+")
          ? List.of(
              found
                  .filter(list -> Integer.parseInt(index.group(1)) < list.size())
                  .map(list -> list.get(Integer.parseInt(index.group(1))))
                  .orElseGet(() -> ownName(variable.name(), shown)))
          : found.orElseGet(() -> List.of(Unknown.unset(shown)));
    }
    Matcher otherwise = DEFAULT.matcher(change);
    if (otherwise.matches()) {
      boolean set = found.filter(list -> !list.equals(List.of(""))).isPresent();
      boolean wantsOther = otherwise.group(1).equals("+") == set;
      return wantsOther
          ? List.of(plain(otherwise.group(2)))
          : otherwise.group(1).equals("+") ? List.of("") : found.orElseThrow();
    }
    if (!change.isEmpty()) {
      return List.of(Unknown.of(shown, "is a part of a variable, which is not worked out here"));
    }
    return List.of(
        found
            .map(list -> list.isEmpty() ? "" : list.getFirst())
            .orElseGet(() -> ownName(variable.name(), shown)));
  }

  /// The value behind `:-`, which may hold variables itself.
  private String plain(String text) {
    List<ShellToken> tokens = ShellLexer.tokens(script, "\"" + text.replace("\"", "") + "\"", 1);
    return tokens.size() == 1 && tokens.getFirst() instanceof ShellToken.Word(ShellWord word)
        ? text(word)
        : text;
  }

  private Optional<List<String>> lookUp(String name) {
    List<String> own = values.get(name);
    if (own != null) {
      return Optional.of(own);
    }
    if (name.equals("PWD")) {
      return Optional.of(List.of(session.folder().toString()));
    }
    return session.surroundings().variable(name, false).map(List::of);
  }

  private String ownName(String name, String shown) {
    Path file = script.file().toAbsolutePath().normalize();
    if (name.equals("0") || name.equals("BASH_SOURCE")) {
      return file.toString();
    }
    if (name.matches("[0-9@*#]")) {
      return Unknown.of(shown, "would be an argument given to the script");
    }
    return name.matches("[?$!-]")
        ? Unknown.of(shown, "is only known while the script runs")
        : Unknown.unset(shown);
  }
}
