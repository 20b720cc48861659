package dev.anima.lint;

import dev.anima.model.text.Tokenizer;
import java.util.List;
import java.util.OptionalInt;

/// How the two text encoders of Anima see a text. Loads in a second; keep one.
public final class TokenCounts {
  /// What the text encoders read at most.
  public static final int LIMIT = Tokenizer.DEFAULT_LENGTH;

  private final Tokenizer qwen3 = Tokenizer.qwen3();
  private final Tokenizer t5 = Tokenizer.t5();

  private TokenCounts() {}

  public static TokenCounts load() {
    return new TokenCounts();
  }

  /// Tokens of Qwen3.
  public int qwen3(String text) {
    return qwen3.encode(text).length;
  }

  /// Tokens of T5, its end mark included.
  public int t5(String text) {
    return t5.encode(text).length;
  }

  /// The larger number of the two, T5 without its end mark.
  public int longer(String text) {
    return Math.max(qwen3(text), t5(text) - 1);
  }

  public List<String> qwen3Pieces(String text) {
    return qwen3.pieces(text);
  }

  public List<String> t5Pieces(String text) {
    return t5.pieces(text);
  }

  /// First character that Qwen3 does not see, if the text is cut.
  public OptionalInt qwen3Cut(String text) {
    return qwen3.cut(text, LIMIT);
  }

  /// First character that T5 does not see, if the text is cut.
  public OptionalInt t5Cut(String text) {
    return t5.cut(text, LIMIT);
  }
}
