package dev.anima.model;

import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads a model's widths off the shapes of its tensors.
///
/// @param file for messages
/// @param model what the file should be, such as "an Anima DiT"
/// @param shapes by stripped tensor name
public record ShapeReader(Path file, String model, Map<String, List<Long>> shapes) {
  /// Extent `dim` of the tensor `name`.
  public int size(String name, int dim) {
    List<Long> shape = shapes.get(name);
    if (shape == null) {
      throw InputException.inFile(file, "not " + model + ": it has no tensor " + name);
    }
    if (dim >= shape.size() || shape.get(dim) < 1 || shape.get(dim) > Integer.MAX_VALUE) {
      throw InputException.inFile(
          file, "not " + model + ": tensor " + name + " has the unusable shape " + shape);
    }
    return shape.get(dim).intValue();
  }

  /// `whole / part`, which must come out even.
  public int ratio(String what, int whole, int part) {
    if (whole % part != 0) {
      throw InputException.inFile(
          file,
          "not " + model + ": " + what + " does not come out even (" + whole + " / " + part + ")");
    }
    return whole / part;
  }

  /// One more than the largest N among the names that begin with `prefix` + N + `.`.
  public int count(String prefix) {
    Pattern numbered = Pattern.compile(Pattern.quote(prefix) + "(\\d{1,4})\\..*");
    int count = 0;
    for (String name : shapes.keySet()) {
      Matcher matcher = numbered.matcher(name);
      if (matcher.matches()) {
        count = Math.max(count, Integer.parseInt(matcher.group(1)) + 1);
      }
    }
    if (count == 0) {
      throw InputException.inFile(file, "not " + model + ": it has no tensors " + prefix + "0.*");
    }
    return count;
  }
}
