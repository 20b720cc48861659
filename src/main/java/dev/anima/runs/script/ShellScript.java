package dev.anima.runs.script;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Follows a `.sh` file.
final class ShellScript {
  private static final Pattern ASSIGNMENT =
      Pattern.compile("([A-Za-z_][A-Za-z0-9_]*)(\\+?)=(.*)", Pattern.DOTALL);
  private static final Set<String> DECLARERS =
      Set.of("export", "declare", "local", "readonly", "typeset");
  private static final Set<String> SILENT =
      Set.of(":", "true", "set", "shopt", "ulimit", "trap", "wait", "umask", "unalias", "alias");

  private final ScriptText script;
  private final Session session;
  private final ShellVariables variables;
  private boolean ended;

  private ShellScript(ScriptText script, Session session) {
    this.script = script;
    this.session = session;
    this.variables = new ShellVariables(session, script, this::substitute);
  }

  /// Adds the programs that `script` starts to `session`.
  static void follow(ScriptText script, Session session) {
    ShellNode all =
        ShellParser.parse(ShellLexer.tokens(script), script.at(Math.max(1, script.lines().size())));
    new ShellScript(script, session).execute(all, false);
  }

  /// @param needsPrevious behind `&&`
  private void execute(ShellNode node, boolean needsPrevious) {
    if (ended) {
      return;
    }
    switch (node) {
      case ShellNode.Simple simple -> simple(simple, needsPrevious);
      case ShellNode.Block block -> {
        for (ShellNode inner : block.nodes()) {
          execute(inner, needsPrevious);
        }
      }
      case ShellNode.Chain chain -> chain(chain, needsPrevious);
      case ShellNode.Not(_, ShellNode inner) -> execute(inner, needsPrevious);
      case ShellNode.If condition -> condition(condition, needsPrevious);
      case ShellNode.For loop -> {
        for (ShellWord word : loop.words()) {
          for (String value : variables.fields(word)) {
            variables.set(loop.variable(), value);
            execute(loop.body(), needsPrevious);
          }
        }
      }
      case ShellNode.Brackets _ -> {}
      case ShellNode.Opaque(_, String what, ShellNode body) -> {
        refuseTrainings(body, "\"%s\" is not followed".formatted(what));
        unsettle(body);
      }
    }
  }

  private void chain(ShellNode.Chain chain, boolean needsPrevious) {
    Optional<Boolean> first = status(chain.first());
    if (first.isEmpty() || !(chain.first() instanceof ShellNode.Brackets)) {
      execute(chain.first(), needsPrevious);
    }
    boolean taken = first.orElse(true) == chain.and();
    if (taken) {
      execute(chain.second(), needsPrevious || first.isEmpty());
    } else if (first.isEmpty()) { // behind || of a command that may fail
      refuseTrainings(chain.second(), "\"||\" starts a training only after a failure");
      if (leaves(chain.second())) {
        session.stopAtFailures();
      }
      unsettle(chain.second());
    }
  }

  private void condition(ShellNode.If node, boolean needsPrevious) {
    Optional<Boolean> holds = status(node.condition());
    if (holds.isPresent()) {
      execute(holds.get() ? node.then() : node.otherwise(), needsPrevious);
      return;
    }
    String why = "a condition that is only known while the script runs";
    refuseTrainings(node.condition(), "a training is " + why);
    refuseTrainings(node.then(), "a training depends on " + why);
    refuseTrainings(node.otherwise(), "a training depends on " + why);
    if (leaves(node.then()) || leaves(node.otherwise())) {
      session.stopAtFailures();
    }
    unsettle(node.then());
    unsettle(node.otherwise());
  }

  /// Whether a command succeeds; empty when only running it would tell.
  private Optional<Boolean> status(ShellNode node) {
    return switch (node) {
      case ShellNode.Brackets(_, List<ShellWord> words) ->
          ShellCondition.holds(words.stream().map(variables::text).toList(), session);
      case ShellNode.Not(_, ShellNode inner) -> status(inner).map(holds -> !holds);
      case ShellNode.Chain chain -> {
        Optional<Boolean> first = status(chain.first());
        yield first.isEmpty()
            ? Optional.empty()
            : first.get() == chain.and() ? status(chain.second()) : first;
      }
      case ShellNode.Simple simple -> simpleStatus(simple);
      case ShellNode.Block _, ShellNode.If _, ShellNode.For _, ShellNode.Opaque _ ->
          Optional.empty();
    };
  }

  private Optional<Boolean> simpleStatus(ShellNode.Simple simple) {
    if (simple.words().isEmpty()) {
      return Optional.of(true);
    }
    String name = simple.words().getFirst().keyword().orElse("");
    return switch (name) {
      case "true", ":", "cd", "pushd", "export" -> Optional.of(true);
      case "false" -> Optional.of(false);
      case "[", "test" -> {
        List<String> words =
            new ArrayList<>(
                simple.words().subList(1, simple.words().size()).stream()
                    .map(variables::text)
                    .toList());
        words.remove("]");
        yield ShellCondition.holds(words, session);
      }
      default -> Optional.empty();
    };
  }

  private void refuseTrainings(ShellNode node, String why) {
    for (ShellNode.Simple simple : simples(node)) {
      if (Launcher.namesTraining(simple.words().stream().map(ShellWord::shown).toList())) {
        throw simple.place().problem(why + "\n  -> write the training commands as plain lines");
      }
    }
  }

  private boolean leaves(ShellNode node) {
    return simples(node).stream()
        .anyMatch(simple ->
            !simple.words().isEmpty()
                && (simple.words().getFirst().is("exit")
                    || simple.words().getFirst().is("return")));
  }

  /// Variables that commands which may or may not run set are not known from here on.
  private void unsettle(ShellNode node) {
    for (ShellNode.Simple simple : simples(node)) {
      for (ShellWord word : simple.words()) {
        Matcher assignment = ASSIGNMENT.matcher(word.shown());
        if (assignment.matches()) {
          unsettle(assignment.group(1));
        }
      }
      simple.arrays().forEach(array -> unsettle(array.name()));
    }
  }

  private void unsettle(String name) {
    variables.set(
        name,
        Unknown.of(
            "$" + name, "is set under a condition that is only known while the script runs"));
  }

  private static List<ShellNode.Simple> simples(ShellNode node) {
    List<ShellNode.Simple> found = new ArrayList<>();
    collect(node, found);
    return found;
  }

  private static void collect(ShellNode node, List<ShellNode.Simple> found) {
    switch (node) {
      case ShellNode.Simple simple -> found.add(simple);
      case ShellNode.Block block -> block.nodes().forEach(inner -> collect(inner, found));
      case ShellNode.Chain chain -> {
        collect(chain.first(), found);
        collect(chain.second(), found);
      }
      case ShellNode.Not(_, ShellNode inner) -> collect(inner, found);
      case ShellNode.If condition -> {
        collect(condition.condition(), found);
        collect(condition.then(), found);
        collect(condition.otherwise(), found);
      }
      case ShellNode.For loop -> collect(loop.body(), found);
      case ShellNode.Opaque opaque -> collect(opaque.body(), found);
      case ShellNode.Brackets _ -> {}
    }
  }

  // ---- single commands ------------------------------------------------------------------------

  private void simple(ShellNode.Simple node, boolean needsPrevious) {
    for (ShellToken.Array array : node.arrays()) {
      List<String> items =
          array.words().stream().flatMap(word -> variables.fields(word).stream()).toList();
      if (array.append()) {
        variables.append(array.name(), items);
      } else {
        variables.setList(array.name(), items);
      }
    }
    List<ShellWord> words = node.words();
    int assignments = 0;
    while (assignments < words.size() && assignment(words.get(assignments)).isPresent()) {
      assignments++;
    }
    if (assignments == words.size()) {
      words.forEach(this::assign);
      return;
    }
    words.subList(0, assignments).forEach(this::tellOfDevices);
    List<ShellWord> command = words.subList(assignments, words.size());
    String name = command.getFirst().keyword().orElse("");
    List<ShellWord> arguments = command.subList(1, command.size());
    if (DECLARERS.contains(name)) {
      arguments.stream().filter(word -> assignment(word).isPresent()).forEach(this::assign);
      return;
    }
    switch (name) {
      case "cd" -> session.enter(node.place(), target(arguments));
      case "pushd" -> session.push(node.place(), target(arguments));
      case "popd" -> session.pop();
      case "exit", "return" -> ended = true;
      case "unset" -> arguments.forEach(word -> variables.remove(variables.text(word)));
      case "read" ->
          arguments.forEach(word ->
              word.keyword()
                  .filter(variable -> !variable.startsWith("-"))
                  .ifPresent(variable ->
                      variables.set(
                          variable,
                          Unknown.of("$" + variable, "is asked for while the script runs"))));
      case "[", "test" -> {}
      default -> start(node, command, name, needsPrevious);
    }
  }

  private void start(
      ShellNode.Simple node, List<ShellWord> command, String name, boolean needsPrevious) {
    if (name.equals("set")
        && command.stream()
            .skip(1)
            .anyMatch(word -> word.shown().matches("-[a-z]*e[a-z]*|errexit"))) {
      session.stopAtFailures();
    }
    if (SILENT.contains(name)) {
      return;
    }
    List<String> words = new ArrayList<>();
    command.forEach(word -> words.addAll(variables.fields(word)));
    if (!words.isEmpty()) {
      session.start(node.place(), words, needsPrevious, node.notes());
    }
  }

  private String target(List<ShellWord> arguments) {
    return arguments.stream()
        .map(variables::text)
        .filter(text -> !text.equals("--"))
        .findFirst()
        .orElseGet(() -> session.surroundings().variable("HOME", false).orElse("."));
  }

  /// `NAME`, `+` or nothing, and the beginning of the value; empty if `word` assigns nothing.
  private static Optional<Matcher> assignment(ShellWord word) {
    if (word.parts().getFirst() instanceof ShellWord.Part.Text(String start, boolean quoted)
        && !quoted) {
      Matcher matcher = ASSIGNMENT.matcher(start);
      return matcher.matches() ? Optional.of(matcher) : Optional.empty();
    }
    return Optional.empty();
  }

  private String assignedValue(ShellWord word, Matcher assignment) {
    List<ShellWord.Part> value = new ArrayList<>(word.parts());
    value.set(0, new ShellWord.Part.Text(assignment.group(3), false));
    return variables.text(new ShellWord(value, word.place()));
  }

  private void assign(ShellWord word) {
    Matcher assignment = assignment(word).orElseThrow();
    String name = assignment.group(1);
    String value = assignedValue(word, assignment);
    variables.set(name, assignment.group(2).isEmpty() ? value : variables.appended(name, value));
    session.environment(word.place(), name, value);
  }

  /// In front of a command a variable holds for that alone.
  private void tellOfDevices(ShellWord word) {
    Matcher assignment = assignment(word).orElseThrow();
    session.environment(word.place(), assignment.group(1), assignedValue(word, assignment));
  }

  // ---- $( ) -----------------------------------------------------------------------------------

  /// The few commands people find their folder with.
  private Optional<String> substitute(ShellWord.Part.Substitution substitution) {
    ShellNode node =
        ShellParser.parse(ShellLexer.tokens(script, substitution.commands(), 1), script.at(1));
    return output(node, session.folder());
  }

  private Optional<String> output(ShellNode node, Path folder) {
    if (node instanceof ShellNode.Chain(_, ShellNode.Simple first, boolean and, ShellNode second)
        && and
        && !first.words().isEmpty()
        && first.words().getFirst().is("cd")) {
      String target = target(first.words().subList(1, first.words().size()));
      return Unknown.isIn(target) ? Optional.empty() : output(second, folder.resolve(target));
    }
    if (!(node instanceof ShellNode.Simple simple) || simple.words().isEmpty()) {
      return Optional.empty();
    }
    List<String> words = new ArrayList<>();
    simple.words().forEach(word -> words.addAll(variables.fields(word)));
    words.removeIf(word -> word.equals("-f") || word.equals("-P") || word.equals("--"));
    if (words.stream().anyMatch(Unknown::isIn)) {
      return Optional.empty();
    }
    String argument = words.size() > 1 ? words.get(1) : "";
    return switch (words.getFirst()) {
      case "pwd" -> Optional.of(folder.normalize().toString());
      case "dirname" -> {
        Path parent = Path.of(argument).getParent();
        yield Optional.of(parent == null ? "." : parent.toString());
      }
      case "basename" -> Optional.of(String.valueOf(Path.of(argument).getFileName()));
      case "realpath", "readlink" -> Optional.of(folder.resolve(argument).normalize().toString());
      case "echo" -> Optional.of(String.join(" ", words.subList(1, words.size())));
      default -> Optional.empty();
    };
  }
}
