package dev.anima.runs.script;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/// The variables of a PowerShell script, and what its expressions come to. What cannot be worked
/// out becomes a text with an [Unknown] in it.
final class PsValues {
  private final Map<String, PsValue> values = new HashMap<>();
  private final Session session;
  private final Path script;

  PsValues(Session session, Path script) {
    this.session = session;
    this.script = script.toAbsolutePath().normalize();
  }

  void set(String name, PsValue value) {
    values.put(name, value);
  }

  void append(String name, PsValue more) {
    PsValue before = values.getOrDefault(name, PsValue.nothing());
    values.put(name, before instanceof PsValue.Nothing ? more : sum(before, more));
  }

  /// Adds one item to a list.
  void add(String name, PsValue item) {
    List<PsValue> all = new ArrayList<>(values.getOrDefault(name, PsValue.nothing()).each());
    all.addAll(item.each());
    values.put(name, new PsValue.Items(all));
  }

  PsValue of(PsExpression expression) {
    return switch (expression) {
      case PsExpression.Literal(PsValue value) -> value;
      case PsExpression.Variable(String name) -> variable(name);
      case PsExpression.Joined(List<PsExpression> pieces) -> {
        StringBuilder out = new StringBuilder();
        pieces.forEach(piece -> out.append(of(piece).shown()));
        yield new PsValue.Text(out.toString());
      }
      case PsExpression.ListOf(List<PsExpression> items) -> {
        List<PsValue> all = new ArrayList<>();
        items.forEach(item -> all.addAll(of(item).each()));
        yield new PsValue.Items(all);
      }
      case PsExpression.Not(PsExpression inner) -> {
        PsValue value = of(inner);
        yield unknown(value) ? value : new PsValue.Flag(!value.holds());
      }
      case PsExpression.Binary(String operator, PsExpression left, PsExpression right) ->
          binary(operator, of(left), of(right));
      case PsExpression.Output(List<PsExpression> words) -> output(words);
      case PsExpression.Other(String shown) ->
          new PsValue.Text(Unknown.of(shown, "is not worked out here"));
    };
  }

  private PsValue variable(String name) {
    PsValue set = values.get(name);
    if (set != null) {
      return set;
    }
    return switch (name) {
      case "true" -> new PsValue.Flag(true);
      case "false" -> new PsValue.Flag(false);
      case "null" -> PsValue.nothing();
      case "psscriptroot" -> new PsValue.Text(String.valueOf(script.getParent()));
      case "pscommandpath" -> new PsValue.Text(script.toString());
      case "pwd" -> new PsValue.Text(session.folder().toString());
      case "args", "lastexitcode", "?", "_" ->
          new PsValue.Text(Unknown.of("$" + name, "is only known while the script runs"));
      default ->
          name.startsWith("env:")
              ? new PsValue.Text(
                  session
                      .surroundings()
                      .variable(name.substring(4), true)
                      .orElseGet(() -> Unknown.unset("$" + name)))
              : new PsValue.Text(Unknown.unset("$" + name));
    };
  }

  /// Whether a condition holds; empty when only running the script would tell.
  Optional<Boolean> holds(PsExpression condition) {
    PsValue value = settled(of(condition));
    return unknown(value) ? Optional.empty() : Optional.of(value.holds());
  }

  /// A variable that is not set is nothing.
  private static PsValue settled(PsValue value) {
    return value instanceof PsValue.Text(String text)
            && Unknown.isIn(text)
            && Unknown.unsetLeftOut(text).isEmpty()
        ? PsValue.nothing()
        : value;
  }

  private static boolean unknown(PsValue value) {
    return value.each().stream().anyMatch(item -> Unknown.isIn(item.shown()));
  }

  private static PsValue binary(String operator, PsValue first, PsValue second) {
    if (operator.equals("+")) {
      return sum(first, second);
    }
    PsValue left = settled(first);
    PsValue right = settled(second);
    if (operator.equals("-and") || operator.equals("-or")) {
      boolean decisive = operator.equals("-or");
      for (PsValue side : List.of(left, right)) {
        if (!unknown(side) && side.holds() == decisive) {
          return new PsValue.Flag(decisive);
        }
      }
    }
    if (unknown(left)) {
      return left;
    }
    if (unknown(right)) {
      return right;
    }
    return compared(operator, left, right)
        .<PsValue>map(PsValue.Flag::new)
        .orElseGet(() ->
            new PsValue.Text(
                Unknown.of(
                    "%s %s %s".formatted(left.shown(), operator, right.shown()),
                    "is not worked out here")));
  }

  private static PsValue sum(PsValue left, PsValue right) {
    return switch (left) {
      case PsValue.Items(List<PsValue> items) -> {
        List<PsValue> all = new ArrayList<>(items);
        all.addAll(right.each());
        yield new PsValue.Items(all);
      }
      case PsValue.Numeric(double number) when right instanceof PsValue.Numeric(double more) ->
          new PsValue.Numeric(number + more);
      case PsValue.Text _, PsValue.Numeric _, PsValue.Flag _, PsValue.Nothing _ ->
          new PsValue.Text(left.shown() + right.shown());
    };
  }

  private static Optional<Boolean> compared(String operator, PsValue left, PsValue right) {
    return switch (operator) {
      case "-and" -> Optional.of(left.holds() && right.holds());
      case "-or" -> Optional.of(left.holds() || right.holds());
      case "-eq" -> Optional.of(order(left, right) == 0);
      case "-ne" -> Optional.of(order(left, right) != 0);
      case "-gt" -> Optional.of(order(left, right) > 0);
      case "-ge" -> Optional.of(order(left, right) >= 0);
      case "-lt" -> Optional.of(order(left, right) < 0);
      case "-le" -> Optional.of(order(left, right) <= 0);
      case "-like" -> Optional.of(like(left.shown(), right.shown()));
      case "-notlike" -> Optional.of(!like(left.shown(), right.shown()));
      case "-contains" -> Optional.of(contains(left, right));
      case "-notcontains" -> Optional.of(!contains(left, right));
      case "-in" -> Optional.of(contains(right, left));
      case "-notin" -> Optional.of(!contains(right, left));
      default -> Optional.empty();
    };
  }

  private static boolean contains(PsValue list, PsValue item) {
    return list.each().stream().anyMatch(each -> order(each, item) == 0);
  }

  /// The left side says how to compare: as numbers, truths or texts.
  private static int order(PsValue left, PsValue right) {
    return switch (left) {
      case PsValue.Numeric(double number) -> {
        Optional<Double> other = number(right);
        yield other.isPresent()
            ? Double.compare(number, other.get())
            : left.shown().compareToIgnoreCase(right.shown());
      }
      case PsValue.Flag(boolean on) -> Boolean.compare(on, right.holds());
      case PsValue.Nothing _ -> right instanceof PsValue.Nothing ? 0 : -1;
      case PsValue.Text _, PsValue.Items _ ->
          right instanceof PsValue.Nothing ? 1 : left.shown().compareToIgnoreCase(right.shown());
    };
  }

  private static Optional<Double> number(PsValue value) {
    if (value instanceof PsValue.Numeric(double number)) {
      return Optional.of(number);
    }
    try {
      return Optional.of(Double.parseDouble(value.shown()));
    } catch (NumberFormatException _) {
      return Optional.empty();
    }
  }

  private static boolean like(String text, String pattern) {
    String regex = Pattern.quote(pattern).replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q");
    return Pattern.compile(regex, Pattern.CASE_INSENSITIVE | Pattern.DOTALL)
        .matcher(text)
        .matches();
  }

  /// The few commands people find their folder with.
  private PsValue output(List<PsExpression> words) {
    List<String> texts = words.stream().map(word -> of(word).shown()).toList();
    List<String> arguments = texts.stream().skip(1).filter(word -> !word.startsWith("-")).toList();
    String name = texts.isEmpty() ? "" : texts.getFirst().toLowerCase(Locale.ROOT);
    if (texts.stream().noneMatch(Unknown::isIn)) {
      switch (name) {
        case "get-location", "pwd" -> {
          return new PsValue.Text(session.folder().toString());
        }
        case "join-path" -> {
          return new PsValue.Text(String.join("/", arguments));
        }
        case "split-path" -> {
          return new PsValue.Text(
              String.valueOf(Path.of(session.nativePath(arguments.getFirst())).getParent()));
        }
        case "test-path" -> {
          return new PsValue.Flag(session.exists(arguments.getFirst()));
        }
        case "new-object" -> {
          if (arguments.toString().toLowerCase(Locale.ROOT).contains("list")) {
            return new PsValue.Items(List.of());
          }
        }
        default -> {}
      }
    }
    return new PsValue.Text(
        Unknown.of(
            String.join(" ", texts.stream().map(Unknown::shown).toList()),
            "is the output of a command, which is not run here"));
  }
}
