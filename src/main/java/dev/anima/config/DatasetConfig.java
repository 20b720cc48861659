package dev.anima.config;

import dev.anima.config.ConfigText.Format;
import dev.anima.io.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The datasets of a run, resolved: from `--dataset_config`, else from folder names, else from a
/// metadata JSON.
///
/// @param datasets in file order, at least one
/// @param file the configuration file, empty when folders or `--in_json` were used
/// @param notes what the user should know: ignored flags, skipped folders, where a path was found
/// @param fromFlags names of the flags that a dataset or subset took a value from, given or default
public record DatasetConfig(
    List<DatasetSpec> datasets, Optional<Path> file, List<String> notes, Set<String> fromFlags) {
  public DatasetConfig {
    datasets = List.copyOf(datasets);
    notes = List.copyOf(notes);
    fromFlags = Set.copyOf(fromFlags);
  }

  /// Reads, resolves and checks what the flags describe. Image folders must exist; images are not
  /// looked at.
  ///
  /// @param workingDir directory that relative paths are meant from
  /// @throws InputException with every problem, one or two lines each
  public static DatasetConfig of(Flags flags, Path workingDir) {
    List<String> notes = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    Path file = flags.path("dataset_config").map(workingDir::resolve).orElse(null);
    Outcome read =
        file != null
            ? fromFile(file, flags, notes)
            : flags.path("in_json").isPresent()
                ? fromMetadata(flags)
                : FolderNames.datasets(flags, workingDir, notes);
    DatasetPaths paths =
        new DatasetPaths(
            workingDir,
            file == null ? null : file.toAbsolutePath().getParent(),
            DatasetPaths.onWindows(),
            notes,
            problems);
    List<DatasetSpec> resolved = read.datasets().stream().map(paths::resolve).toList();
    problems.addAll(DatasetChecks.problems(resolved, flags));
    if (!problems.isEmpty()) {
      throw new InputException(String.join("\n", problems));
    }
    return new DatasetConfig(resolved, Optional.ofNullable(file), notes, read.fromFlags());
  }

  private static Outcome fromFile(Path file, Flags flags, List<String> notes) {
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "--dataset_config: %s %s"
              .formatted(file, Files.exists(file) ? "is not a file" : "does not exist"));
    }
    List<String> ignored =
        List.of("train_data_dir", "reg_data_dir", "in_json").stream()
            .filter(flags::isSet)
            .map(name -> "--" + name)
            .toList();
    if (!ignored.isEmpty()) {
      notes.add("%s: ignored, --dataset_config is given".formatted(String.join(", ", ignored)));
    }
    Outcome outcome = parse(ConfigText.read(file), format(file), flags, file.toString());
    if (!outcome.problems().isEmpty()) {
      throw new InputException(outcome.report(file.toString()));
    }
    if (outcome.datasets().isEmpty()) {
      throw InputException.inFile(file, "describes no dataset\n  -> add a [[datasets]] table");
    }
    return outcome;
  }

  private static Format format(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".toml")) {
      return Format.TOML;
    }
    if (name.endsWith(".json")) {
      return Format.JSON;
    }
    throw new InputException(
        "--dataset_config: %s must end in .toml or .json".formatted(file.getFileName()));
  }

  private static Outcome fromMetadata(Flags flags) {
    String images =
        flags
            .text("train_data_dir")
            .orElseThrow(
                () -> new InputException("--in_json needs --train_data_dir, the image folder"));
    Map<String, ConfigNode> subset = new LinkedHashMap<>();
    subset.put("image_dir", new ConfigNode.Scalar(images, 0));
    subset.put("metadata_file", new ConfigNode.Scalar(flags.text("in_json", ""), 0));
    return oneDataset(List.of(new ConfigNode.Table(subset, 0)), flags, "--in_json");
  }

  /// A dataset made of these subset tables, everything else from the flags.
  static Outcome oneDataset(List<ConfigNode> subsets, Flags flags, String where) {
    Map<String, ConfigNode> dataset = Map.of("subsets", new ConfigNode.Array(subsets, 0));
    ConfigNode list = new ConfigNode.Array(List.of(new ConfigNode.Table(dataset, 0)), 0);
    Outcome outcome = resolve(new ConfigNode.Table(Map.of("datasets", list), 0), flags, where);
    if (!outcome.problems().isEmpty()) {
      throw new InputException(outcome.report(where));
    }
    return outcome;
  }

  /// The datasets of a text as far as they could be read, and every problem; nothing is looked up
  /// on disk and no value range is checked.
  record Outcome(List<DatasetSpec> datasets, List<ConfigProblem> problems, Set<String> fromFlags) {
    String report(String file) {
      return String.join("\n", problems.stream().map(problem -> problem.in(file)).toList());
    }
  }

  static Outcome parse(String text, Format format, Flags flags, String file) {
    ConfigText.Parsed parsed = ConfigText.parse(text, format);
    if (!parsed.problems().isEmpty()) {
      return new Outcome(List.of(), parsed.problems(), Set.of());
    }
    return resolve(parsed.root(), flags, file);
  }

  private static Outcome resolve(ConfigNode.Table root, Flags flags, String file) {
    DatasetValidator validator = new DatasetValidator(flags.on("masked_loss"));
    validator.validate(root);
    if (!validator.problems().isEmpty()) {
      return new Outcome(List.of(), validator.problems(), Set.of());
    }
    DatasetResolver resolver = new DatasetResolver(flags, file);
    List<DatasetSpec> datasets = validator.datasets().stream().map(resolver::resolve).toList();
    return new Outcome(datasets, List.of(), resolver.fromFlags());
  }
}
