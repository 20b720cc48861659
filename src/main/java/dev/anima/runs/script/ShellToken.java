package dev.anima.runs.script;

import java.util.List;

/// A piece of a shell script.
sealed interface ShellToken {
  Place place();

  record Word(ShellWord word) implements ShellToken {
    @Override
    public Place place() {
      return word.place();
    }
  }

  /// `NAME=( words )` or `NAME+=( words )`.
  record Array(String name, boolean append, List<ShellWord> words, Place place)
      implements ShellToken {}

  /// `;`, `&`, `&&`, `||`, `|`, `(`, `)`, `;;`, or a line break.
  record Operator(String text, Place place) implements ShellToken {}

  /// `> file` and the like, the target included.
  record Redirect(String text, Place place) implements ShellToken {}

  default boolean isOperator(String wanted) {
    return this instanceof Operator(String text, _) && text.equals(wanted);
  }
}
