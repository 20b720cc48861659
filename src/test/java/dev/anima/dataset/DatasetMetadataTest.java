package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class DatasetMetadataTest {
  @TempDir Path root;

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aConfiguredRunWritesTheReferencesText(int number) {
    JsonNode golden = Golden.json("order/metadata.json").get("scenarios").get(number);
    DatasetGroup group = Scenario.create(golden, root).group();
    assertThat(group.batchesPerEpoch()).isEqualTo(golden.get("batches_per_epoch").intValue());
    assertThat(DatasetMetadata.ofConfig(group))
        .containsExactlyInAnyOrderEntriesOf(strings(golden.get("metadata")));
  }

  @Test
  void aRunFromFoldersWritesTheReferencesText() {
    JsonNode golden = Golden.json("order/metadata.json").get("scenarios").get(2);
    Scenario.create(golden, root);
    DatasetSpec spec =
        Specs.dataset()
            .resolution(new Size(96, 96))
            .batchSize(2)
            // In the order of the recorded directory listing.
            .subsets(
                Specs.subset(root.resolve("2_may pink_v2").toString())
                    .classTokens("may pink_v2")
                    .repeats(2)
                    .build(),
                Specs.subset(root.resolve("10_may").toString())
                    .classTokens("may")
                    .repeats(10)
                    .build())
            .build();
    DatasetGroup group = DatasetGroup.build(List.of(spec), new PythonRandom(0), Scenario::size);
    assertThat(group.batchesPerEpoch()).isEqualTo(golden.get("batches_per_epoch").intValue());
    assertThat(DatasetMetadata.ofFolders(group, 1))
        .containsExactlyInAnyOrderEntriesOf(strings(golden.get("metadata")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"article", "plain"})
  void aWholeRunWritesTheReferencesText(String run) throws IOException {
    String toml = Files.readString(Golden.path("training/e2e/" + run + ".toml"));
    ObjectNode config = JsonMapper.shared().createObjectNode();
    config.put("config_toml", toml.replace("'dataset/", "'@dataset/"));
    config.putArray("args");
    DatasetGroup group = new Scenario(config, Golden.path("training/e2e")).group();
    JsonNode golden =
        Golden.json("training/e2e/index.json")
            .get("runs")
            .get(run)
            .get("saved")
            .get(run + ".safetensors")
            .get("metadata");
    Map<String, String> actual = DatasetMetadata.ofConfig(group);
    assertThat(actual).hasSize(6);
    actual.forEach(
        (key, value) -> assertThat(value).as(key).isEqualTo(golden.get(key).stringValue()));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0.0",
    "-0.0, -0.0",
    "1, 1.0",
    "0.1, 0.1",
    "1e-4, 0.0001",
    "1e-5, 1e-05",
    "123456789, " + "123456789.0",
    "1e16, 1e+16",
    "1.5e300, 1.5e+300",
    "-2.5e-7, -2.5e-07",
    "9007199254740993, 9007199254740992.0"
  })
  void numbersLookLikePythons(double value, String text) {
    assertThat(PythonJson.number(value)).isEqualTo(text);
  }

  @Test
  void jsonIsEscapedAndIndentedLikePythons() {
    Map<String, Object> value = new LinkedHashMap<>();
    value.put("\u00e9\"\\\n\u007f", List.of(1, true, 0.5));
    value.put("empty", List.of());
    assertThat(PythonJson.line(value))
        .isEqualTo("{\"\\u00e9\\\"\\\\\\n\\u007f\": [1, true, 0.5], \"empty\": []}");
    assertThat(PythonJson.indented(Map.of("\u00e9", List.of(1, 2))))
        .isEqualTo("{\n  \"\u00e9\": [\n    1,\n    2\n  ]\n}");
  }

  private static Map<String, String> strings(JsonNode object) {
    Map<String, String> map = new LinkedHashMap<>();
    object.properties().forEach(e -> map.put(e.getKey(), e.getValue().stringValue()));
    return map;
  }
}
