package dev.anima;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.engine.Dtype;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.engine.TensorFile;
import dev.anima.io.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Recorded numbers of the reference, in `src/test/golden` (see the README there).
public final class Golden {
  private static final Path ROOT =
      Path.of(System.getProperty("anima.golden", "src/test/golden")).toAbsolutePath();

  private Golden() {}

  /// A file or folder below the golden root, such as `models/index.json`.
  public static Path path(String relative) {
    return ROOT.resolve(relative);
  }

  /// Copies the folder `from` with all that is in it, so that a test may change the copy.
  public static void copyFolder(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.copy(file, target);
        }
      }
    }
  }

  public static JsonNode json(String relative) {
    return JsonMapper.shared().readTree(path(relative).toFile());
  }

  public static SafetensorsFile tensors(String relative) {
    return SafetensorsFile.open(path(relative));
  }

  /// A copy of one recorded tensor in the current scope (so that the file may be closed).
  public static Tensor tensor(SafetensorsFile file, String name) {
    return TensorFile.view(file, name).copy();
  }

  /// Largest absolute difference; shapes must be equal.
  public static double maxAbsDiff(Tensor actual, Tensor expected) {
    assertThat(actual.shape()).as("shape").isEqualTo(expected.shape());
    if (actual.numel() == 0) {
      return 0;
    }
    try (Scope _ = new Scope()) {
      return actual.detach().to(Dtype.F64).sub(expected.to(Dtype.F64)).abs().max().item();
    }
  }

  /// Asserts the golden README's bound `max |ours - golden| <= atol` (and, by it, that nothing is
  /// NaN).
  public static void assertClose(String what, Tensor actual, Tensor expected, double atol) {
    assertThat(maxAbsDiff(actual, expected)).as(what).isLessThanOrEqualTo(atol);
  }
}
