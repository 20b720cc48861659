package dev.anima.runs.script;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// Follows a `.ps1` file.
final class PowerShellScript {
  private static final Set<String> SILENT =
      Set.of("set-executionpolicy", "out-null", "set-strictmode");

  private final Session session;
  private final PsValues values;
  private boolean ended;

  private PowerShellScript(ScriptText text, Session session) {
    this.session = session;
    this.values = new PsValues(session, text.file());
  }

  /// Adds the programs that `text` starts to `session`.
  static void follow(ScriptText text, Session session) {
    new PowerShellScript(text, session).execute(PsParser.parse(text));
  }

  private void execute(PsNode node) {
    if (ended) {
      return;
    }
    switch (node) {
      case PsNode.Assign(Place place, String name, boolean append, PsExpression expression) -> {
        PsValue value = values.of(expression);
        if (append) {
          values.append(name, value);
        } else {
          values.set(name, value);
        }
        if (name.startsWith("env:")) {
          session.environment(place, name.substring(4), value.shown());
        }
      }
      case PsNode.Add(_, String name, PsExpression item) -> values.add(name, values.of(item));
      case PsNode.Block(_, List<PsNode> nodes) -> nodes.forEach(this::execute);
      case PsNode.If condition -> condition(condition);
      case PsNode.ForEach loop -> {
        for (PsValue value : values.of(loop.items()).each()) {
          values.set(loop.variable(), value);
          execute(loop.body());
        }
      }
      case PsNode.Opaque(_, String what, PsNode body) -> {
        refuseTrainings(body, "\"%s\" is not followed".formatted(what));
        unsettle(body);
      }
      case PsNode.Call call -> call(call);
    }
  }

  private void condition(PsNode.If node) {
    Optional<Boolean> holds = values.holds(node.condition());
    if (holds.isPresent()) {
      execute(holds.get() ? node.then() : node.otherwise());
      return;
    }
    for (PsNode part : List.of(node.then(), node.otherwise())) {
      refuseTrainings(
          part, "a training depends on a condition that is only known while the script runs");
      if (calls(part).stream().anyMatch(call -> name(call).matches("exit|return|break"))) {
        session.stopAtFailures();
      }
      unsettle(part);
    }
  }

  private void refuseTrainings(PsNode node, String why) {
    for (PsNode.Call call : calls(node)) {
      if (Launcher.namesTraining(words(call))) {
        throw call.place().problem(why + "\n  -> write the training commands as plain lines");
      }
    }
  }

  /// Variables that statements which may or may not run set are not known from here on.
  private void unsettle(PsNode node) {
    switch (node) {
      case PsNode.Assign assign -> unsettle(assign.name());
      case PsNode.Add add -> unsettle(add.name());
      case PsNode.Block block -> block.nodes().forEach(this::unsettle);
      case PsNode.If condition -> {
        unsettle(condition.then());
        unsettle(condition.otherwise());
      }
      case PsNode.ForEach loop -> unsettle(loop.body());
      case PsNode.Opaque opaque -> unsettle(opaque.body());
      case PsNode.Call _ -> {}
    }
  }

  private void unsettle(String name) {
    values.set(
        name,
        new PsValue.Text(
            Unknown.of(
                "$" + name, "is set under a condition that is only known while the script runs")));
  }

  private static List<PsNode.Call> calls(PsNode node) {
    return switch (node) {
      case PsNode.Call call -> List.of(call);
      case PsNode.Block(_, List<PsNode> nodes) ->
          nodes.stream().flatMap(inner -> calls(inner).stream()).toList();
      case PsNode.If condition -> {
        List<PsNode.Call> both = new ArrayList<>(calls(condition.then()));
        both.addAll(calls(condition.otherwise()));
        yield both;
      }
      case PsNode.ForEach loop -> calls(loop.body());
      case PsNode.Opaque opaque -> calls(opaque.body());
      case PsNode.Assign _, PsNode.Add _ -> List.of();
    };
  }

  /// The words of a command; a list gives one word for each item, nothing gives none.
  private List<String> words(PsNode.Call call) {
    List<String> words = new ArrayList<>();
    for (PsExpression expression : call.words()) {
      PsValue value = values.of(expression);
      if (expression instanceof PsExpression.Variable
          || expression instanceof PsExpression.ListOf) {
        value.each().forEach(item -> words.add(item.shown()));
      } else {
        words.add(value.shown());
      }
    }
    return words;
  }

  private String name(PsNode.Call call) {
    List<String> words = words(call);
    return words.isEmpty() ? "" : words.getFirst().toLowerCase(Locale.ROOT);
  }

  private void call(PsNode.Call call) {
    List<String> words = words(call);
    if (words.isEmpty()) {
      return;
    }
    List<String> arguments =
        words.stream().skip(1).filter(word -> !word.matches("-(Literal)?Path")).toList();
    switch (words.getFirst().toLowerCase(Locale.ROOT)) {
      case "cd", "chdir", "sl", "set-location" ->
          arguments.stream().findFirst().ifPresent(to -> session.enter(call.place(), to));
      case "pushd", "push-location" ->
          session.push(call.place(), arguments.isEmpty() ? "." : arguments.getFirst());
      case "popd", "pop-location" -> session.pop();
      case "exit", "return" -> ended = true;
      default -> {
        if (!SILENT.contains(words.getFirst().toLowerCase(Locale.ROOT))) {
          session.start(call.place(), words, false, call.notes());
        }
      }
    }
  }
}
