package dev.anima.config;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// Datasets without a configuration file: sub-folders named `REPEATS_class tokens`, such as `10_may
/// pink`. All of them form one dataset; sorted by name, so that every system gives the same order.
final class FolderNames {
  private FolderNames() {}

  static DatasetConfig.Outcome datasets(Flags flags, Path workingDir, List<String> notes) {
    List<ConfigNode> subsets = new ArrayList<>();
    if (flags.path("train_data_dir").isEmpty()) {
      throw new InputException("no images: give --dataset_config FILE or --train_data_dir FOLDER");
    }
    for (String name : List.of("train_data_dir", "reg_data_dir")) {
      Path parent = flags.path(name).orElse(null);
      if (parent != null) {
        subsets.addAll(subsets(name, workingDir, parent, notes));
      }
    }
    if (subsets.isEmpty()) {
      throw new InputException(
          "--train_data_dir: %s holds no folder named REPEATS_class, such as 10_nami"
              .formatted(flags.text("train_data_dir", "")));
    }
    return DatasetConfig.oneDataset(subsets, flags, "--train_data_dir");
  }

  private static List<ConfigNode> subsets(
      String flag, Path workingDir, Path parent, List<String> notes) {
    Path folder = workingDir.resolve(parent);
    if (!Files.isDirectory(folder)) {
      throw new InputException("--%s: %s is not a folder".formatted(flag, parent));
    }
    List<ConfigNode> found = new ArrayList<>();
    for (Path child : children(folder)) {
      String name = child.getFileName().toString();
      String[] parts = name.split("_", 2);
      Optional<Long> repeats = PythonNumber.parseInt(parts[0]);
      if (repeats.isEmpty() || repeats.get() < 1) {
        notes.add(
            "--%s: folder \"%s\" is skipped, its name does not begin with a number of repeats from 1 on"
                .formatted(flag, name));
        continue;
      }
      Map<String, ConfigNode> subset = new LinkedHashMap<>();
      subset.put("image_dir", scalar(parent.resolve(name).toString()));
      subset.put("num_repeats", scalar(repeats.get()));
      subset.put("class_tokens", scalar(parts.length > 1 ? parts[1] : ""));
      if (flag.equals("reg_data_dir")) {
        subset.put("is_reg", scalar(true));
      }
      found.add(new ConfigNode.Table(subset, 0));
    }
    return found;
  }

  private static ConfigNode scalar(Object value) {
    return new ConfigNode.Scalar(value, 0);
  }

  private static List<Path> children(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .filter(Files::isDirectory)
          .sorted(Comparator.comparing(child -> child.getFileName().toString()))
          .toList();
    } catch (IOException e) {
      throw new InputException(folder + ": cannot be listed (" + e.getMessage() + ")", e);
    }
  }
}
