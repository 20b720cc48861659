package dev.anima.io;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Models split over several files named `NAME-00001-of-00004.safetensors`.
public final class SafetensorsShards {
  private static final Pattern SHARD = Pattern.compile("(.*-)(\\d{5})-of-(\\d{5})\\.safetensors");

  /// More parts than any published model has; a larger number is a name that only looks like one.
  private static final int MAX_PARTS = 10_000;

  private SafetensorsShards() {}

  /// All parts of the model that `file` belongs to, in order; `file` alone if its name is not that
  /// of a part. `file` itself is not looked at, the parts must exist.
  ///
  /// @throws InputException naming every part that is missing
  public static List<Path> partsOf(Path file) {
    Path name = file.getFileName();
    Matcher shard = SHARD.matcher(name == null ? "" : name.toString());
    if (!shard.matches()) {
      return List.of(file);
    }
    int count = Integer.parseInt(shard.group(3));
    if (count < 1 || count > MAX_PARTS) {
      return List.of(file);
    }
    List<Path> parts = new ArrayList<>();
    List<String> missing = new ArrayList<>();
    for (int i = 1; i <= count; i++) {
      String partName = "%s%05d-of-%05d.safetensors".formatted(shard.group(1), i, count);
      Path part = file.resolveSibling(partName);
      parts.add(part);
      if (!Files.isRegularFile(part)) {
        missing.add(partName);
      }
    }
    if (!missing.isEmpty()) {
      throw InputException.inFile(
          file,
          "is one of "
              + count
              + " parts of a model, of which "
              + String.join(", ", missing)
              + (missing.size() == 1 ? " is" : " are")
              + " missing beside it");
    }
    return List.copyOf(parts);
  }
}
