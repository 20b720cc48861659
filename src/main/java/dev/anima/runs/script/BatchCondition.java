package dev.anima.runs.script;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// `if` conditions and `for` lists of batch files, as far as they can be known without running
/// anything.
final class BatchCondition {
  private BatchCondition() {}

  /// Whether a condition holds; empty when only running the script would tell.
  static Optional<Boolean> holds(
      List<String> condition, BatchVariables variables, Session session) {
    List<String> words = new ArrayList<>(condition);
    boolean anyCase = words.removeIf("/i"::equalsIgnoreCase);
    boolean negated = !words.isEmpty() && words.getFirst().equalsIgnoreCase("not");
    if (negated) {
      words.removeFirst();
    }
    return plain(words, anyCase, variables, session).map(holds -> holds != negated);
  }

  private static Optional<Boolean> plain(
      List<String> words, boolean anyCase, BatchVariables variables, Session session) {
    String all = Unknown.unsetLeftOut(String.join(" ", words));
    if (words.size() == 2) {
      String argument = Unknown.unsetLeftOut(words.get(1).replace("\"", ""));
      switch (words.getFirst().toLowerCase(Locale.ROOT)) {
        case "exist" -> {
          return Unknown.isIn(argument)
              ? Optional.empty()
              : Optional.of(session.exists(argument.replaceFirst("[\\\\/]\\*?$", "")));
        }
        case "defined" -> {
          return Optional.of(variables.isSet(argument));
        }
        default -> {}
      }
    }
    if (Unknown.isIn(all)) {
      return Optional.empty();
    }
    int equals = all.indexOf("==");
    if (equals >= 0) {
      return Optional.of(same(all.substring(0, equals), all.substring(equals + 2), anyCase));
    }
    return words.size() == 3
        ? compared(
            Unknown.unsetLeftOut(words.get(0)),
            words.get(1).toLowerCase(Locale.ROOT),
            Unknown.unsetLeftOut(words.get(2)),
            anyCase)
        : Optional.empty();
  }

  private static boolean same(String left, String right, boolean anyCase) {
    String a = left.strip();
    String b = right.strip();
    return anyCase ? a.equalsIgnoreCase(b) : a.equals(b);
  }

  private static Optional<Boolean> compared(
      String left, String operator, String right, boolean anyCase) {
    int order =
        left.matches("-?\\d{1,9}") && right.matches("-?\\d{1,9}")
            ? Integer.compare(Integer.parseInt(left), Integer.parseInt(right))
            : anyCase ? left.compareToIgnoreCase(right) : left.compareTo(right);
    return switch (operator) {
      case "equ" -> Optional.of(order == 0);
      case "neq" -> Optional.of(order != 0);
      case "gtr" -> Optional.of(order > 0);
      case "lss" -> Optional.of(order < 0);
      case "geq" -> Optional.of(order >= 0);
      case "leq" -> Optional.of(order <= 0);
      default -> Optional.empty();
    };
  }

  /// The values a loop runs through: a plain list, or `/l` with start, step and end; empty for
  /// loops over files and their contents.
  static Optional<List<String>> loopValues(List<String> head, List<String> set) {
    List<String> items = new ArrayList<>();
    for (String word : set) {
      for (String item : word.split("[,;]")) {
        if (!item.isEmpty()) {
          items.add(item);
        }
      }
    }
    if (head.size() == 1 && head.getFirst().matches("%[A-Za-z]")) {
      return items.stream().anyMatch(item -> item.contains("*") || item.contains("?"))
          ? Optional.empty()
          : Optional.of(items);
    }
    boolean counts =
        head.size() == 2
            && head.getFirst().equalsIgnoreCase("/l")
            && items.size() == 3
            && items.stream().allMatch(item -> item.matches("-?\\d{1,6}"));
    return counts ? counted(items) : Optional.empty();
  }

  private static Optional<List<String>> counted(List<String> items) {
    int start = Integer.parseInt(items.get(0));
    int step = Integer.parseInt(items.get(1));
    int end = Integer.parseInt(items.get(2));
    if (step == 0 || Math.abs((end - start) / step) > 1000) {
      return Optional.empty();
    }
    List<String> values = new ArrayList<>();
    for (int i = start; step > 0 ? i <= end : i >= end; i += step) {
      values.add(Integer.toString(i));
    }
    return Optional.of(values);
  }
}
