package dev.anima.model;

import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/// Names and shapes a complete file of one model has.
public final class TensorLayout {
  private static final int NAMED_PER_PROBLEM = 4;

  private final Map<String, List<Long>> expected = new LinkedHashMap<>();

  public TensorLayout add(String name, long... shape) {
    expected.put(name, Arrays.stream(shape).boxed().toList());
    return this;
  }

  /// Elements of all tensors together.
  public long elements() {
    return expected().values().stream()
        .mapToLong(shape -> shape.stream().reduce(1L, Math::multiplyExact))
        .sum();
  }

  public Map<String, List<Long>> expected() {
    return expected;
  }

  /// Compares with what a file holds: nothing may be missing, unexpected or of another shape.
  ///
  /// @param file for the message
  /// @param model what the file should be, such as "an Anima DiT"
  /// @param found shapes by name, prefixes stripped
  /// @param ignorable names that may stand there beside the expected ones
  /// @throws InputException that names the first few tensors of each problem and counts the rest
  public void check(
      Path file, String model, Map<String, List<Long>> found, Predicate<String> ignorable) {
    List<String> missing = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    expected.forEach((name, shape) -> {
      List<Long> actual = found.get(name);
      if (actual == null) {
        missing.add(name);
      } else if (!actual.equals(shape)) {
        wrong.add(name + " (has shape " + actual + ", expected " + shape + ")");
      }
    });
    List<String> unexpected =
        found.keySet().stream()
            .filter(name -> !expected.containsKey(name) && !ignorable.test(name))
            .toList();
    List<String> problems = new ArrayList<>();
    describe(problems, "missing", missing);
    describe(problems, "of the wrong shape", wrong);
    describe(problems, "unexpected", unexpected);
    if (!problems.isEmpty()) {
      throw InputException.inFile(
          file, "not " + model + " as it should be: " + String.join("; ", problems));
    }
  }

  private static void describe(List<String> problems, String what, List<String> names) {
    if (names.isEmpty()) {
      return;
    }
    int shown = Math.min(names.size(), NAMED_PER_PROBLEM);
    String more = names.size() > shown ? " and " + (names.size() - shown) + " more" : "";
    problems.add(
        names.size()
            + (names.size() == 1 ? " tensor " : " tensors ")
            + what
            + ": "
            + String.join(", ", names.subList(0, shown))
            + more);
  }
}
