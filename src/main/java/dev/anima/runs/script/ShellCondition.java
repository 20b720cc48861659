package dev.anima.runs.script;

import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/// Conditions of shell scripts, `[ ]` and `[[ ]]`, as far as they can be known.
final class ShellCondition {
  private ShellCondition() {}

  /// Whether the condition holds; empty when only running the script would tell.
  ///
  /// @param words between the brackets, filled in
  static Optional<Boolean> holds(List<String> words, Session session) {
    for (String operator : List.of("||", "-o")) {
      int at = words.indexOf(operator);
      if (at > 0) {
        return either(
            holds(words.subList(0, at), session),
            holds(words.subList(at + 1, words.size()), session),
            true);
      }
    }
    for (String operator : List.of("&&", "-a")) {
      int at = words.indexOf(operator);
      if (at > 0) {
        return either(
            holds(words.subList(0, at), session),
            holds(words.subList(at + 1, words.size()), session),
            false);
      }
    }
    if (!words.isEmpty() && words.getFirst().equals("!")) {
      return holds(words.subList(1, words.size()), session).map(holds -> !holds);
    }
    return plain(words.stream().map(Unknown::unsetLeftOut).toList(), session);
  }

  private static Optional<Boolean> either(
      Optional<Boolean> left, Optional<Boolean> right, boolean decisive) {
    if (left.equals(Optional.of(decisive)) || right.equals(Optional.of(decisive))) {
      return Optional.of(decisive);
    }
    return left.isPresent() && right.isPresent() ? Optional.of(!decisive) : Optional.empty();
  }

  private static Optional<Boolean> plain(List<String> words, Session session) {
    if (words.stream().anyMatch(Unknown::isIn)) {
      return Optional.empty();
    }
    return switch (words.size()) {
      case 0 -> Optional.of(false);
      case 1 -> Optional.of(!words.getFirst().isEmpty());
      case 2 -> unary(words.get(0), words.get(1), session);
      case 3 -> binary(words.get(0), words.get(1), words.get(2));
      default -> Optional.empty();
    };
  }

  private static Optional<Boolean> unary(String operator, String word, Session session) {
    return switch (operator) {
      case "-n" -> Optional.of(!word.isEmpty());
      case "-z" -> Optional.of(word.isEmpty());
      case "-e", "-f", "-d", "-r", "-s" -> Optional.of(session.exists(word));
      default -> Optional.empty();
    };
  }

  private static Optional<Boolean> binary(String left, String operator, String right) {
    switch (operator) {
      case "=", "==" -> {
        return Optional.of(matches(left, right));
      }
      case "!=" -> {
        return Optional.of(!matches(left, right));
      }
      default -> {}
    }
    if (!left.matches("-?\\d{1,9}") || !right.matches("-?\\d{1,9}")) {
      return Optional.empty();
    }
    int order = Integer.compare(Integer.parseInt(left), Integer.parseInt(right));
    return switch (operator) {
      case "-eq" -> Optional.of(order == 0);
      case "-ne" -> Optional.of(order != 0);
      case "-gt" -> Optional.of(order > 0);
      case "-lt" -> Optional.of(order < 0);
      case "-ge" -> Optional.of(order >= 0);
      case "-le" -> Optional.of(order <= 0);
      default -> Optional.empty();
    };
  }

  private static boolean matches(String text, String pattern) {
    if (!pattern.contains("*") && !pattern.contains("?")) {
      return text.equals(pattern);
    }
    String regex = Pattern.quote(pattern).replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q");
    return Pattern.compile(regex, Pattern.DOTALL).matcher(text).matches();
  }
}
