package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.config.ConfigText.Format;
import dev.anima.config.DatasetConfig.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// Every recorded configuration gives the reference's values, or its error at its place.
class DatasetConfigGoldenTest {
  // Accepted here although the reference refuses them, each with the reason.
  private static final Map<String, String> MORE_LENIENT =
      Map.of(
          "resolution_string", "the reference's own documentation writes sizes as \"W,H\"",
          "int_for_float_network_multiplier", "an integer is a fine float",
          "int_for_float_validation_split", "an integer is a fine float",
          "face_range_ints", "an integer is a fine float",
          "validation_split_in_subset", "the reference's own documentation puts it there",
          "bom", "editors on Windows write byte order marks");

  // TOML 1.0 lets an array mix ints and floats; that a size is no float is still an error.
  private static final String WRONG_TYPE_INSTEAD_OF_SYNTAX = "resolution_mixed_array";

  // Values the reference resolves but never uses in training, which the records do not carry.
  private static final Set<String> NOT_CARRIED = Set.of("debug_dataset", "custom_attributes");

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void agreesWithTheReference(String name, JsonNode golden) {
    Outcome outcome = read(golden);
    if (MORE_LENIENT.containsKey(name)) {
      assertThat(golden.has("error")).isTrue();
      assertThat(outcome.problems()).isEmpty();
      assertThat(outcome.datasets()).hasSize(1);
    } else if (golden.has("error")) {
      sameErrors(name, outcome.problems(), golden.get("error"));
    } else {
      assertThat(outcome.problems()).isEmpty();
      sameValues(outcome.datasets(), golden.get("resolved"));
    }
  }

  static List<Object[]> cases() {
    List<Object[]> cases = new ArrayList<>();
    for (JsonNode golden : Golden.json("config/cases.json").get("cases")) {
      cases.add(new Object[] {golden.get("name").asString(), golden});
    }
    return cases;
  }

  @Test
  void everyLeniencyIsARecordedCase() {
    assertThat(cases().stream().map(row -> (String) row[0]).toList())
        .hasSize(66)
        .containsAll(MORE_LENIENT.keySet())
        .contains(WRONG_TYPE_INSTEAD_OF_SYNTAX);
  }

  private static Outcome read(JsonNode golden) {
    List<String> words = new ArrayList<>();
    for (JsonNode word : golden.path("args")) {
      words.add(word.asString());
    }
    return DatasetConfig.parse(
        golden.get("text").asString(),
        Format.valueOf(golden.get("format").asString().toUpperCase(Locale.ROOT)),
        CommandLine.parse(words),
        "case.toml");
  }

  private static void sameErrors(String name, List<ConfigProblem> problems, JsonNode error) {
    String kind = error.get("kind").asString();
    if (name.equals(WRONG_TYPE_INSTEAD_OF_SYNTAX)) {
      assertThat(kind).isEqualTo("syntax");
      assertThat(problems)
          .extracting(ConfigProblem::kind)
          .containsExactly(ConfigProblem.Kind.WRONG_TYPE);
      return;
    }
    assertThat(problems).isNotEmpty().allSatisfy(p -> assertThat(p.line()).isPositive());
    assertThat(kind(problems.getFirst())).isEqualTo(kind);
    if (!kind.equals("syntax")) {
      assertThat(problems.getFirst().path()).isEqualTo(path(error.get("path")));
      List<List<Object>> all = new ArrayList<>();
      for (JsonNode one : error.get("all")) {
        all.add(List.of(one.get(0).asString(), path(one.get(1))));
      }
      assertThat(problems.stream().map(p -> List.of(kind(p), p.path())).toList()).isEqualTo(all);
    }
  }

  private static String kind(ConfigProblem problem) {
    return problem.kind().name().toLowerCase(Locale.ROOT);
  }

  private static List<Object> path(JsonNode path) {
    List<Object> steps = new ArrayList<>();
    for (JsonNode step : path) {
      steps.add(step.isString() ? step.asString() : (Object) step.asInt());
    }
    return steps;
  }

  private static void sameValues(List<DatasetSpec> datasets, JsonNode resolved) {
    assertThat(datasets).hasSize(resolved.size());
    for (int i = 0; i < datasets.size(); i++) {
      DatasetSpec dataset = datasets.get(i);
      JsonNode golden = resolved.get(i);
      assertThat(styleName(dataset)).isEqualTo(golden.get("style").asString());
      golden
          .get("dataset")
          .forEachEntry((key, value) -> {
            if (!NOT_CARRIED.contains(key)) {
              assertThat(DatasetValues.of(dataset, key))
                  .as(key)
                  .isEqualTo(datasetValue(key, value));
            }
          });
      assertThat(dataset.subsets()).hasSize(golden.get("subsets").size());
      for (int j = 0; j < dataset.subsets().size(); j++) {
        sameSubset(dataset, dataset.subsets().get(j), golden.get("subsets").get(j));
      }
    }
  }

  private static void sameSubset(DatasetSpec dataset, SubsetSpec subset, JsonNode golden) {
    golden.forEachEntry((key, value) -> {
      // A subset's validation seed is the dataset's; the reference shows its 0 for "none".
      if (key.equals("validation_seed")) {
        assertThat(dataset.validationSeed().orElse(0)).isEqualTo(value.asInt());
      } else if (!NOT_CARRIED.contains(key)) {
        assertThat(DatasetValues.of(subset, key)).as(key).isEqualTo(plain(value));
      }
    });
  }

  private static String styleName(DatasetSpec dataset) {
    return switch (dataset.style()) {
      case DREAMBOOTH -> "dreambooth";
      case FINE_TUNING -> "finetuning";
      case MASKED -> "controlnet";
    };
  }

  // Python's True is the int 1: the reference keeps it as it is.
  private static @Nullable Object datasetValue(String key, JsonNode value) {
    return key.equals("batch_size") && value.isBoolean()
        ? (Object) (value.asBoolean() ? 1.0 : 0.0)
        : plain(value);
  }

  /// JSON as the record's values: numbers as doubles, arrays as lists.
  private static @Nullable Object plain(JsonNode value) {
    if (value.isArray()) {
      List<@Nullable Object> items = new ArrayList<>();
      value.forEach(item -> items.add(plain(item)));
      return items;
    }
    return value.isNull()
        ? null
        : value.isNumber()
            ? (Object) value.asDouble()
            : value.isBoolean() ? (Object) value.asBoolean() : value.asString();
  }
}
