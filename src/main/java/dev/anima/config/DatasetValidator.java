package dev.anima.config;

import dev.anima.config.ConfigProblem.Kind;
import dev.anima.config.DatasetKey.Level;
import dev.anima.config.DatasetSpec.Style;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Checks a configuration's keys and types against [DatasetKey], collecting every problem, and
/// keeps the values as the keys' types.
final class DatasetValidator {
  private final boolean maskedLoss;
  private final List<ConfigProblem> problems = new ArrayList<>();
  private final List<Dataset> datasets = new ArrayList<>();

  DatasetValidator(boolean maskedLoss) {
    this.maskedLoss = maskedLoss;
  }

  /// The values of one table by key, with its line.
  record Values(Map<String, Object> values, int line) {}

  /// A dataset's values.
  record Dataset(Style style, Values values, List<Values> subsets, Values general) {}

  List<ConfigProblem> problems() {
    return problems;
  }

  List<Dataset> datasets() {
    return datasets;
  }

  void validate(ConfigNode.Table root) {
    root.entries()
        .forEach((key, node) -> {
          if (!key.equals("general") && !key.equals("datasets")) {
            problems.add(unknownTopKey(key, node));
          }
        });
    Values general = general(root.entries().get("general"));
    ConfigNode list = root.entries().get("datasets");
    switch (list) {
      case null -> {}
      case ConfigNode.Array(List<ConfigNode> items, _) -> {
        for (int i = 0; i < items.size(); i++) {
          dataset(items.get(i), List.of("datasets", i), general);
        }
      }
      default ->
          problems.add(
              new ConfigProblem(
                  Kind.WRONG_TYPE,
                  List.of("datasets"),
                  list.line(),
                  "datasets must be a list of tables, got %s\n  -> write [[datasets]] in double brackets"
                      .formatted(list.shown())));
    }
  }

  private Values general(@Nullable ConfigNode node) {
    return switch (node) {
      case null -> new Values(Map.of(), 0);
      case ConfigNode.Table table ->
          values(table, Level.GENERAL, EnumSet.allOf(Style.class), List.of("general"));
      default -> {
        problems.add(wrongTable(node, List.of("general"), "general must be a table"));
        yield new Values(Map.of(), 0);
      }
    };
  }

  private void dataset(ConfigNode node, List<Object> path, Values general) {
    if (!(node instanceof ConfigNode.Table table)) {
      problems.add(wrongTable(node, path, "each of datasets must be a table"));
      return;
    }
    List<ConfigNode.Table> subsets = subsets(table, path);
    Set<Style> possible = possibleStyles(subsets);
    if (possible.isEmpty()) {
      problems.add(
          new ConfigProblem(
              Kind.MIXED_STYLES,
              path,
              table.line(),
              "some subsets have metadata_file and some have not; the two kinds cannot be mixed in one dataset\n"
                  + "  -> put them in two [[datasets]]"));
      return;
    }
    Map<String, ConfigNode> own = new LinkedHashMap<>(table.entries());
    own.remove("subsets");
    Values values = values(new ConfigNode.Table(own, table.line()), Level.DATASET, possible, path);
    List<Values> subsetValues = new ArrayList<>();
    for (int i = 0; i < subsets.size(); i++) {
      subsetValues.add(subset(subsets.get(i), possible, append(path, "subsets", i)));
    }
    datasets.add(new Dataset(possible.iterator().next(), values, subsetValues, general));
  }

  private List<ConfigNode.Table> subsets(ConfigNode.Table table, List<Object> path) {
    ConfigNode list = table.entries().get("subsets");
    List<ConfigNode.Table> found = new ArrayList<>();
    switch (list) {
      case null -> {}
      case ConfigNode.Array(List<ConfigNode> items, _) -> {
        for (int i = 0; i < items.size(); i++) {
          if (items.get(i) instanceof ConfigNode.Table subset) {
            found.add(subset);
          } else {
            problems.add(
                wrongTable(
                    items.get(i), append(path, "subsets", i), "each of subsets must be a table"));
          }
        }
      }
      default ->
          problems.add(
              wrongTable(
                  list,
                  append(path, "subsets"),
                  "subsets must be a list of tables (write [[datasets.subsets]] in double brackets)"));
    }
    return found;
  }

  /// Styles the subsets allow; one, unless there are no subsets. Empty when they contradict.
  private Set<Style> possibleStyles(List<ConfigNode.Table> subsets) {
    if (subsets.isEmpty()) {
      // As the reference calls it; nothing depends on the style of an empty dataset.
      return new LinkedHashSet<>(List.of(Style.MASKED, Style.DREAMBOOTH, Style.FINE_TUNING));
    }
    if (maskedLoss && subsets.stream().allMatch(s -> has(s, "conditioning_data_dir"))) {
      return EnumSet.of(Style.MASKED);
    }
    if (subsets.stream().allMatch(s -> has(s, "metadata_file"))) {
      return EnumSet.of(Style.FINE_TUNING);
    }
    return subsets.stream().noneMatch(s -> has(s, "metadata_file"))
        ? EnumSet.of(Style.DREAMBOOTH)
        : EnumSet.noneOf(Style.class);
  }

  private static boolean has(ConfigNode.Table table, String key) {
    return table.entries().containsKey(key);
  }

  private Values subset(ConfigNode.Table table, Set<Style> possible, List<Object> path) {
    Values values = values(table, Level.SUBSET, possible, path);
    List<String> required =
        switch (possible.iterator().next()) {
          case DREAMBOOTH -> List.of("image_dir");
          case FINE_TUNING -> List.of("metadata_file");
          case MASKED -> List.of("image_dir", "conditioning_data_dir");
        };
    for (String key : required) {
      if (!has(table, key)) {
        problems.add(
            new ConfigProblem(
                Kind.MISSING_KEY,
                append(path, key),
                table.line(),
                "%s is missing%s".formatted(key, missingHint(key, table))));
      }
    }
    return values;
  }

  private static String missingHint(String key, ConfigNode.Table table) {
    return table.entries().keySet().stream()
        .filter(other -> DatasetKey.find(other).isEmpty())
        .filter(other -> NearestName.of(other, List.of(key)).isPresent())
        .findFirst()
        .map(other -> "\n  -> is \"%s\" meant to be it?".formatted(other))
        .orElse("");
  }

  private Values values(
      ConfigNode.Table table, Level level, Set<Style> possible, List<Object> path) {
    Map<String, Object> values = new HashMap<>();
    table
        .entries()
        .forEach((name, node) -> {
          DatasetKey key = DatasetKey.find(name).orElse(null);
          if (key == null || !key.allowedAt(level, possible)) {
            problems.add(unknownKey(name, node, level, possible, append(path, name)));
            return;
          }
          key.valueOf(node)
              .ifPresentOrElse(
                  value -> values.put(name, value),
                  () -> problems.add(wrongType(key, node, append(path, name))));
        });
    return new Values(values, table.line());
  }

  private static ConfigProblem wrongType(DatasetKey key, ConfigNode node, List<Object> path) {
    return new ConfigProblem(
        Kind.WRONG_TYPE,
        path,
        node.line(),
        "%s must be %s, got %s".formatted(key.name(), key.type().expected(), node.shown()));
  }

  private static ConfigProblem wrongTable(ConfigNode node, List<Object> path, String message) {
    return new ConfigProblem(Kind.WRONG_TYPE, path, node.line(), message + ", got " + node.shown());
  }

  private static ConfigProblem unknownTopKey(String key, ConfigNode node) {
    String hint =
        DatasetKey.find(key)
            .map(known -> "\n  -> it belongs in " + titles(known.levels()))
            .orElseGet(() -> NearestName.hint(key, List.of("general", "datasets"), "", ""));
    return new ConfigProblem(
        Kind.UNKNOWN_KEY,
        List.of(key),
        node.line(),
        "unknown key \"%s\" at the top level (allowed: general, datasets)%s".formatted(key, hint));
  }

  private ConfigProblem unknownKey(
      String name, ConfigNode node, Level level, Set<Style> possible, List<Object> path) {
    return new ConfigProblem(
        Kind.UNKNOWN_KEY,
        path,
        node.line(),
        "unknown key \"%s\"%s".formatted(name, unknownHint(name, level, possible)));
  }

  private String unknownHint(String name, Level level, Set<Style> possible) {
    DatasetKey key = DatasetKey.find(name).orElse(null);
    if (name.equals("conditioning_data_dir") && level == Level.SUBSET) {
      return maskedLoss
          ? "\n  -> either all subsets of a dataset have it, or none"
          : "\n  -> masks of their own need --masked_loss on the command line";
    }
    if (key != null && !key.levels().contains(level)) {
      return "\n  -> it belongs in " + titles(key.levels());
    }
    if (key != null) {
      return "\n  -> a %s dataset does not know it".formatted(styleName(possible));
    }
    if (name.equals("caption_extention")) {
      return "\n  -> did you mean \"caption_extension\"?";
    }
    if (FlagTable.train().find(name).isPresent()) {
      return "\n  -> it is a flag of the command line: --" + name;
    }
    List<String> allowed =
        DatasetKey.ALL_KEYS.stream()
            .filter(k -> k.allowedAt(level, possible))
            .map(DatasetKey::name)
            .toList();
    List<String> anywhere = DatasetKey.ALL_KEYS.stream().map(DatasetKey::name).toList();
    return NearestName.of(name, allowed)
        .map(near -> "\n  -> did you mean \"" + near + "\"?")
        .or(() -> NearestName.of(name, anywhere).map(near -> elsewhere(near)))
        .orElseGet(() -> "\n  -> allowed here: " + String.join(", ", allowed));
  }

  private static String elsewhere(String near) {
    return "\n  -> did you mean \"%s\"? It belongs in %s"
        .formatted(near, titles(DatasetKey.find(near).orElseThrow().levels()));
  }

  private static String titles(Set<Level> levels) {
    return levels.stream().map(Level::title).collect(Collectors.joining(" or "));
  }

  private static String styleName(Set<Style> possible) {
    return switch (possible.iterator().next()) {
      case DREAMBOOTH -> "folder";
      case FINE_TUNING -> "metadata_file";
      case MASKED -> "masked";
    };
  }

  private static List<Object> append(List<Object> path, Object... more) {
    List<Object> longer = new ArrayList<>(path);
    longer.addAll(List.of(more));
    return longer;
  }
}
