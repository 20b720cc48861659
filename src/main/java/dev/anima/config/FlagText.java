package dev.anima.config;

import dev.anima.io.PythonText;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Turns typed words into a flag's value, with messages in the user's words, and values into text.
final class FlagText {
  private FlagText() {}

  /// A value, or what is wrong with the text.
  sealed interface Result {
    record Value(Object value) implements Result {}

    record Problem(String message) implements Result {}
  }

  /// Reads the words given to `flag` (exactly one unless it is a list).
  ///
  /// @param where how messages name the place, such as `--network_dim`
  static Result read(Flag flag, String where, List<String> words) {
    return switch (flag.kind()) {
      case SWITCH -> new Result.Value(true);
      case TEXT_LIST -> new Result.Value(List.copyOf(words));
      case FLOAT_LIST -> floats(where, words);
      case TEXT, PATH -> choice(flag, where, words.getFirst());
      case INT -> integer(flag, where, words.getFirst());
      case FLOAT ->
          PythonNumber.parseFloat(words.getFirst())
              .<Result>map(Result.Value::new)
              .orElseGet(() -> wrong(where, "a number such as 1e-4", words.getFirst()));
      case INT_OR_RATIO ->
          IntOrRatio.parse(words.getFirst())
              .<Result>map(Result.Value::new)
              .orElseGet(() ->
                  wrong(
                      where,
                      "whole steps (5), a percentage (5%) or a share below 1 (0.05)",
                      words.getFirst()));
    };
  }

  /// Python's `str(value)` of a flag's value, see [FlagValue#value].
  static String write(@Nullable Object value) {
    return value instanceof IntOrRatio intOrRatio ? intOrRatio.pythonText() : PythonText.str(value);
  }

  private static Result integer(Flag flag, String where, String word) {
    return PythonNumber.parseInt(word)
        .filter(value -> flag.name().equals("seed") || value == value.intValue())
        .<Result>map(Result.Value::new)
        .orElseGet(() -> wrong(where, "a whole number", word));
  }

  private static Result floats(String where, List<String> words) {
    for (String word : words) {
      if (PythonNumber.parseFloat(word).isEmpty()) {
        return wrong(where, "numbers such as 1e-4", word);
      }
    }
    return new Result.Value(
        words.stream().map(word -> PythonNumber.parseFloat(word).orElseThrow()).toList());
  }

  private static Result choice(Flag flag, String where, String word) {
    if (flag.choices().isEmpty() || flag.choices().contains(word)) {
      return new Result.Value(word);
    }
    return new Result.Problem(
        "%s: \"%s\" is not one of %s%s"
            .formatted(where, word, String.join(", ", flag.choices()), choiceHint(flag, word)));
  }

  private static String choiceHint(Flag flag, String word) {
    if (word.equals("fp32") && flag.choices().contains("float")) {
      return "\n  -> for fp32 write float";
    }
    if ((word.equals("fp32") || word.equals("float")) && flag.choices().contains("no")) {
      return "\n  -> for fp32 write no";
    }
    return NearestName.hint(word, flag.choices(), "", "");
  }

  private static Result wrong(String where, String expected, String found) {
    return new Result.Problem("%s: expected %s, got \"%s\"".formatted(where, expected, found));
  }
}
