package dev.anima.runs.script;

import java.util.List;

/// A parsed PowerShell expression.
sealed interface PsExpression {
  record Literal(PsValue value) implements PsExpression {}

  /// `$name` or `$env:NAME`.
  record Variable(String name) implements PsExpression {}

  /// Pieces of a text in double quotes, or of a word.
  record Joined(List<PsExpression> pieces) implements PsExpression {
    public Joined {
      pieces = List.copyOf(pieces);
    }
  }

  record ListOf(List<PsExpression> items) implements PsExpression {
    public ListOf {
      items = List.copyOf(items);
    }
  }

  /// @param operator `+`, `-eq`, `-and`, ...
  record Binary(String operator, PsExpression left, PsExpression right) implements PsExpression {}

  record Not(PsExpression inner) implements PsExpression {}

  /// A command whose output is the value.
  record Output(List<PsExpression> words) implements PsExpression {
    public Output {
      words = List.copyOf(words);
    }
  }

  /// What is not worked out here.
  record Other(String shown) implements PsExpression {}
}
