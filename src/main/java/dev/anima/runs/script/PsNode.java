package dev.anima.runs.script;

import java.util.List;

/// A parsed statement of a PowerShell script.
sealed interface PsNode {
  Place place();

  /// @param append `+=`
  record Assign(Place place, String name, boolean append, PsExpression value) implements PsNode {}

  /// `$name.Add(value)`
  record Add(Place place, String name, PsExpression value) implements PsNode {}

  /// A command.
  ///
  /// @param notes what is asked around it: redirections, pipes
  record Call(Place place, List<PsExpression> words, List<String> notes) implements PsNode {}

  record Block(Place place, List<PsNode> nodes) implements PsNode {}

  record If(Place place, PsExpression condition, PsNode then, PsNode otherwise) implements PsNode {}

  record ForEach(Place place, String variable, PsExpression items, PsNode body) implements PsNode {}

  /// `while`, `function` and the like: never followed.
  record Opaque(Place place, String what, PsNode body) implements PsNode {}
}
