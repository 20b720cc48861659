package dev.anima.cli.check;

import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// What keeps a run from starting, collected over all its parts, so that the user sees everything
/// at once.
final class Problems {
  /// Begins a line that belongs to the one before it.
  private static final String HINT = "  ";

  private final List<String> found = new ArrayList<>();

  /// The result of `part`, or nothing but a noted problem.
  <T> Optional<T> attempt(Supplier<T> part) {
    try {
      return Optional.of(part.get());
    } catch (InputException e) {
      add(String.valueOf(e.getMessage()));
      return Optional.empty();
    }
  }

  /// Notes every problem of `message`, one a line; indented lines are hints to the line above.
  void add(String message) {
    List<String> problems = new ArrayList<>();
    for (String line : message.lines().toList()) {
      if (line.startsWith(HINT) && !problems.isEmpty()) {
        problems.add(problems.removeLast() + "\n" + line);
      } else {
        problems.add(line);
      }
    }
    problems.stream().filter(problem -> !found.contains(problem)).forEach(found::add);
  }

  List<String> list() {
    return List.copyOf(found);
  }
}
