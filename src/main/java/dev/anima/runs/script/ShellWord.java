package dev.anima.runs.script;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// A word of a shell script before its variables are filled in.
record ShellWord(List<Part> parts, Place place) {
  /// A piece of a word.
  sealed interface Part {
    boolean quoted();

    record Text(String text, boolean quoted) implements Part {}

    /// `$NAME`, `${NAME}`, `${NAME:-other}`, `${NAME[@]}`.
    ///
    /// @param change what stands behind the name in braces; may be empty
    record Variable(String name, String change, boolean quoted) implements Part {}

    /// `$(commands)` or backticks.
    record Substitution(String commands, boolean quoted) implements Part {}

    /// `$((sum))`
    record Sum(String sum, boolean quoted) implements Part {}
  }

  ShellWord {
    parts = List.copyOf(parts);
  }

  /// The word if it is plain text without quotes: keywords are.
  Optional<String> keyword() {
    return parts.size() == 1
            && parts.getFirst() instanceof Part.Text(String text, boolean quoted)
            && !quoted
        ? Optional.of(text)
        : Optional.empty();
  }

  boolean is(String keyword) {
    return keyword().filter(keyword::equals).isPresent();
  }

  /// Roughly as it stands in the script.
  String shown() {
    return parts.stream()
        .map(part ->
            switch (part) {
              case Part.Text text -> text.text();
              case Part.Variable variable -> "$" + variable.name();
              case Part.Substitution substitution -> "$(" + substitution.commands() + ")";
              case Part.Sum sum -> "$((" + sum.sum() + "))";
            })
        .collect(Collectors.joining());
  }
}
