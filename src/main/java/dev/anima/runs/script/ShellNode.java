package dev.anima.runs.script;

import java.util.List;

/// A parsed command of a shell script.
sealed interface ShellNode {
  Place place();

  /// One command, or assignments alone.
  ///
  /// @param arrays lists that are set beside it
  /// @param notes what is asked around it: redirections, pipes
  record Simple(
      Place place, List<ShellWord> words, List<ShellToken.Array> arrays, List<String> notes)
      implements ShellNode {}

  record Block(Place place, List<ShellNode> nodes) implements ShellNode {}

  /// `first && second`, `first || second`.
  record Chain(Place place, ShellNode first, boolean and, ShellNode second) implements ShellNode {}

  /// `[[ words ]]`, operators inside as words.
  record Brackets(Place place, List<ShellWord> words) implements ShellNode {}

  /// `! node`
  record Not(Place place, ShellNode node) implements ShellNode {}

  /// @param otherwise an empty block without `else`
  record If(Place place, ShellNode condition, ShellNode then, ShellNode otherwise)
      implements ShellNode {}

  record For(Place place, String variable, List<ShellWord> words, ShellNode body)
      implements ShellNode {}

  /// `while`, `case`, functions: never followed.
  record Opaque(Place place, String what, ShellNode body) implements ShellNode {}
}
