package dev.anima.runs.script;

import java.util.List;
import java.util.Optional;

/// A parsed batch command.
sealed interface BatchNode {
  Place place();

  /// One command.
  ///
  /// @param words with their quotes
  /// @param notes what is asked around it: redirections, pipes
  record Simple(Place place, List<String> words, List<String> notes) implements BatchNode {}

  /// Commands one after another.
  record Block(Place place, List<BatchNode> nodes) implements BatchNode {}

  /// `first && second`, `first || second`.
  record Chain(Place place, BatchNode first, boolean and, BatchNode second) implements BatchNode {}

  /// @param condition words between `if` and the command
  record If(Place place, List<String> condition, BatchNode then, Optional<BatchNode> otherwise)
      implements BatchNode {}

  /// @param head words from behind `for` up to `in`
  /// @param set words in the parentheses
  record For(Place place, List<String> head, List<String> set, BatchNode body)
      implements BatchNode {}
}
