package dev.anima.runs.script;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// Follows a `.bat` file.
final class BatchScript {
  private static final Set<String> SILENT =
      Set.of("setlocal", "endlocal", "shift", "verify", "break");

  private final ScriptText text;
  private final Session session;
  private final BatchVariables variables;
  private boolean delayed;
  private boolean ended;
  private int next;

  private BatchScript(ScriptText text, Session session) {
    this.text = text;
    this.session = session;
    this.variables = new BatchVariables(session, text.file());
  }

  /// Adds the programs that `text` starts to `session`.
  static void follow(ScriptText text, Session session) {
    new BatchScript(text, session).follow();
  }

  private void follow() {
    while (next < text.lines().size() && !ended) {
      read().ifPresent(this::execute);
    }
  }

  // ---- lines ----------------------------------------------------------------------------------

  /// The next command, over as many lines as it has.
  private Optional<BatchNode> read() {
    BatchLexer lexer = new BatchLexer(text.at(next + 1));
    List<String> notes = new ArrayList<>();
    Place start = text.at(next + 1);
    do {
      if (next >= text.lines().size()) {
        if (lexer.continued()) {
          break; // a ^ on the last line
        }
        throw start.problem("the parenthesis opened here is not closed");
      }
      String line = text.lines().get(next++);
      Place place = text.at(next);
      if (!lexer.continued() && isComment(line)) {
        continue;
      }
      if (line.matches(".*\\^\\s+") && quotesAreEven(line)) {
        throw place.problem(
            "blanks behind the ^ end the command here, and the next line would be lost\n  -> delete the blanks at the end of the line");
      }
      lexer.line(variables.expand(line, place, notes), place);
    } while (lexer.wantsMore());
    notes.forEach(note -> session.note(note));
    List<BatchToken> tokens = lexer.tokens();
    return tokens.isEmpty() ? Optional.empty() : Optional.of(BatchParser.parse(tokens));
  }

  private static boolean quotesAreEven(String line) {
    return line.chars().filter(c -> c == '"').count() % 2 == 0;
  }

  private static boolean isComment(String line) {
    String start = line.strip().replaceFirst("^@", "").toLowerCase(Locale.ROOT);
    return start.startsWith(":") || start.equals("rem") || start.startsWith("rem ");
  }

  // ---- commands -------------------------------------------------------------------------------

  private void execute(BatchNode node) {
    execute(node, false, Map.of());
  }

  /// @param needsPrevious behind `&&`
  /// @param loop variables of the loops around: `%i` and their values
  private void execute(BatchNode node, boolean needsPrevious, Map<String, String> loop) {
    if (ended) {
      return;
    }
    switch (node) {
      case BatchNode.Simple simple -> simple(simple, needsPrevious, loop);
      case BatchNode.Block block -> {
        for (BatchNode inner : block.nodes()) {
          execute(inner, needsPrevious, loop);
        }
      }
      case BatchNode.Chain chain -> chain(chain, needsPrevious, loop);
      case BatchNode.If condition -> condition(condition, needsPrevious, loop);
      case BatchNode.For each -> loop(each, needsPrevious, loop);
    }
  }

  private void chain(BatchNode.Chain chain, boolean needsPrevious, Map<String, String> loop) {
    execute(chain.first(), needsPrevious, loop);
    if (chain.and()) {
      execute(chain.second(), true, loop);
    } else {
      afterFailure(chain.second(), "||");
    }
  }

  /// A command that only a failure would start: nothing of it is carried out, but leaving the
  /// script there means that what follows needs success.
  private void afterFailure(BatchNode node, String what) {
    refuseTrainings(node, "\"%s\" starts a training only after a failure".formatted(what));
    if (leaves(node)) {
      session.stopAtFailures();
    }
    unsettle(node);
  }

  private static boolean leaves(BatchNode node) {
    return simples(node).stream()
        .anyMatch(simple -> {
          String name = name(simple);
          return name.equals("exit") || name.equals("goto");
        });
  }

  private void condition(BatchNode.If node, boolean needsPrevious, Map<String, String> loop) {
    Optional<Boolean> holds =
        BatchCondition.holds(filled(node.condition(), loop), variables, session);
    if (holds.isEmpty()) {
      String what = "if " + Unknown.shown(String.join(" ", node.condition()));
      afterFailure(node.then(), what);
      node.otherwise()
          .ifPresent(other ->
              refuseTrainings(other, "\"" + what + "\" is only known while the script runs"));
      return;
    }
    if (holds.get()) {
      execute(node.then(), needsPrevious, loop);
    } else {
      node.otherwise().ifPresent(other -> execute(other, needsPrevious, loop));
    }
  }

  private void loop(BatchNode.For node, boolean needsPrevious, Map<String, String> loop) {
    Optional<List<String>> values =
        BatchCondition.loopValues(node.head(), filled(node.set(), loop));
    if (values.isEmpty()) {
      refuseTrainings(node.body(), "this \"for\" is not worked out");
      unsettle(node.body());
      return;
    }
    for (String value : values.get()) {
      Map<String, String> inner = new HashMap<>(loop);
      inner.put(node.head().getLast(), value);
      execute(node.body(), needsPrevious, inner);
    }
  }

  private void refuseTrainings(BatchNode node, String why) {
    for (BatchNode.Simple simple : simples(node)) {
      if (Launcher.namesTraining(simple.words())) {
        throw simple.place().problem(why + "\n  -> write the training commands as plain lines");
      }
    }
  }

  /// Variables that commands which may or may not run set are not known from here on.
  private void unsettle(BatchNode node) {
    for (BatchNode.Simple simple : simples(node)) {
      if (name(simple).equals("set") && simple.words().size() > 1) {
        String variable = simple.words().get(1).replace("\"", "").replaceFirst("=.*", "");
        variables.set(
            variable,
            Unknown.of(
                "%" + variable + "%",
                "is set under a condition that is only known while the script runs"));
      }
    }
  }

  private static List<BatchNode.Simple> simples(BatchNode node) {
    return switch (node) {
      case BatchNode.Simple simple -> List.of(simple);
      case BatchNode.Block block ->
          block.nodes().stream().flatMap(inner -> simples(inner).stream()).toList();
      case BatchNode.Chain chain -> both(simples(chain.first()), simples(chain.second()));
      case BatchNode.If condition ->
          both(
              simples(condition.then()),
              condition.otherwise().map(BatchScript::simples).orElse(List.of()));
      case BatchNode.For each -> simples(each.body());
    };
  }

  private static <T> List<T> both(List<T> first, List<T> second) {
    List<T> all = new ArrayList<>(first);
    all.addAll(second);
    return all;
  }

  private static String name(BatchNode.Simple simple) {
    return simple.words().isEmpty()
        ? ""
        : unquoted(simple.words().getFirst()).toLowerCase(Locale.ROOT);
  }

  private List<String> filled(List<String> words, Map<String, String> loop) {
    return words.stream()
        .map(word -> {
          String filled = word;
          for (Map.Entry<String, String> entry : loop.entrySet()) {
            filled = filled.replace(entry.getKey(), entry.getValue());
          }
          return delayed ? variables.delayed(filled) : filled;
        })
        .toList();
  }

  private void simple(BatchNode.Simple node, boolean needsPrevious, Map<String, String> loop) {
    List<String> words = filled(node.words(), loop);
    if (words.isEmpty()) {
      return;
    }
    String name = unquoted(words.getFirst()).toLowerCase(Locale.ROOT);
    List<String> arguments = words.subList(1, words.size());
    if (name.matches("[a-z]:")) {
      session.enter(node.place(), name + "\\");
      return;
    }
    switch (name) {
      case "set" -> set(node.place(), arguments);
      case "cd", "chdir" -> {
        String folder = folder(arguments);
        if (!folder.isEmpty()) {
          session.enter(node.place(), folder);
        }
      }
      case "pushd" -> session.push(node.place(), folder(arguments));
      case "popd" -> session.pop();
      case "exit" -> ended = true;
      case "goto" -> jump(node.place(), arguments);
      case "call" -> call(node, arguments, needsPrevious);
      default -> {
        delayed |=
            name.equals("setlocal")
                && String.join(" ", arguments).toLowerCase(Locale.ROOT).contains("enabledelayed");
        boolean switchesEcho =
            name.equals("echo")
                && arguments.size() == 1
                && arguments.getFirst().strip().matches("(?i)on|off");
        if (!SILENT.contains(name) && !switchesEcho) {
          start(node, words, needsPrevious);
        }
      }
    }
  }

  private void call(BatchNode.Simple node, List<String> arguments, boolean needsPrevious) {
    if (!arguments.isEmpty() && arguments.getFirst().startsWith(":")) {
      throw node.place()
          .problem(
              "call %s: parts of a script that are called are not followed\n  -> write the training commands as plain lines"
                  .formatted(arguments.getFirst()));
    }
    List<String> words = new ArrayList<>(List.of("call"));
    words.addAll(arguments);
    start(node, words, needsPrevious);
  }

  private void start(BatchNode.Simple node, List<String> words, boolean needsPrevious) {
    session.start(
        node.place(),
        words.stream().map(BatchScript::unquoted).toList(),
        needsPrevious,
        node.notes());
  }

  private void jump(Place place, List<String> arguments) {
    String label = arguments.isEmpty() ? "" : arguments.getFirst().replaceFirst("^:", "");
    if (label.equalsIgnoreCase("eof")) {
      ended = true;
      return;
    }
    for (int i = next; i < text.lines().size(); i++) {
      if (text.lines()
          .get(i)
          .strip()
          .toLowerCase(Locale.ROOT)
          .matches(":\\s*" + Pattern.quote(label.toLowerCase(Locale.ROOT)) + "(\\s.*)?")) {
        next = i + 1;
        return;
      }
    }
    throw place.problem(
        "goto %s: only jumps forward are followed\n  -> write the training commands as plain lines"
            .formatted(label));
  }

  private void set(Place place, List<String> arguments) {
    String rest = arguments.isEmpty() ? "" : arguments.getFirst().strip();
    String lower = rest.toLowerCase(Locale.ROOT);
    if (lower.startsWith("/p ") || lower.startsWith("/a ")) {
      String assignment = rest.substring(3).strip().replace("\"", "");
      String variable = assignment.replaceFirst("\\s*[-+*/%&|^<>]*=.*", "");
      variables.set(
          variable,
          Unknown.of(
              "%" + variable + "%",
              lower.startsWith("/p ")
                  ? "is asked for while the script runs (set /p)"
                  : "is calculated (set /a), which is not done here"));
      return;
    }
    if (rest.startsWith("\"")) {
      int end = rest.lastIndexOf('"');
      rest = end > 0 ? rest.substring(1, end) : rest.substring(1);
    }
    int equals = rest.indexOf('=');
    if (equals > 0) {
      String name = rest.substring(0, equals);
      String value = rest.substring(equals + 1);
      if (value.isEmpty()) {
        variables.remove(name);
      } else {
        variables.set(name, value);
        session.environment(place, name, value);
      }
    }
  }

  private static String folder(List<String> arguments) {
    String rest = arguments.isEmpty() ? "" : arguments.getFirst().strip();
    if (rest.toLowerCase(Locale.ROOT).startsWith("/d")) {
      rest = rest.substring(2).strip();
    }
    return rest.replace("\"", "");
  }

  /// A word as the started program gets it: `\"` is a quote, other quotes go, and backslashes
  /// before a quote count half.
  static String unquoted(String word) {
    StringBuilder out = new StringBuilder();
    int backslashes = 0;
    for (int i = 0; i < word.length(); i++) {
      char c = word.charAt(i);
      if (c == '\\') {
        backslashes++;
        continue;
      }
      if (c == '"') {
        out.repeat('\\', backslashes / 2);
        if (backslashes % 2 == 1) {
          out.append('"');
        }
      } else {
        out.repeat('\\', backslashes).append(c);
      }
      backslashes = 0;
    }
    return out.repeat('\\', backslashes).toString();
  }
}
