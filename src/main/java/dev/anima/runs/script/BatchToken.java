package dev.anima.runs.script;

/// A piece of a batch line.
///
/// @param text a word with its quotes, or an operator
record BatchToken(Kind kind, String text, Place place) {
  enum Kind {
    WORD,
    /// `&` and `|`, and the end of a line inside a block.
    NEXT,
    /// `&&`
    AND,
    /// `||`
    OR,
    /// `|` with what follows it, up to the next operator.
    PIPE,
    OPEN,
    CLOSE,
    /// `> file` and the like, the target included.
    REDIRECT
  }

  boolean is(Kind wanted) {
    return kind == wanted;
  }

  boolean isWord(String wanted) {
    return kind == Kind.WORD && text.equalsIgnoreCase(wanted);
  }
}
