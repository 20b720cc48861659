package dev.anima.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// One case of `golden/models/index.json`: recorded inputs, outputs and tolerances.
public record GoldenCase(String name, JsonNode json) {
  public static List<GoldenCase> startingWith(String prefix) {
    List<GoldenCase> cases =
        Golden.json("models/index.json")
            .get("cases")
            .valueStream()
            .map(json -> new GoldenCase(json.get("name").stringValue(), json))
            .filter(c -> c.name.startsWith(prefix))
            .toList();
    assertThat(cases).as("cases of " + prefix).isNotEmpty();
    return cases;
  }

  public static GoldenCase named(String name) {
    return startingWith(name).stream().filter(c -> c.name.equals(name)).findFirst().orElseThrow();
  }

  public boolean hasInput(String input) {
    return json.get("inputs").has(input);
  }

  public Tensor input(String input) {
    return tensor(json.get("inputs").get(input));
  }

  public Tensor output(String output) {
    return tensor(json.get("outputs").get(output));
  }

  public Stream<String> outputNames() {
    return json.get("outputs").propertyStream().map(java.util.Map.Entry::getKey);
  }

  /// Asserts that `actual` equals the recorded output within its tolerance.
  public void check(String output, Tensor actual) {
    JsonNode node = json.get("outputs").get(output);
    assertThat(node).as("no recorded output " + output).isNotNull();
    Golden.assertClose(name + " " + output, actual, tensor(node), node.get("atol").doubleValue());
  }

  private static Tensor tensor(JsonNode node) {
    try (SafetensorsFile file = Golden.tensors("models/" + node.get("file").stringValue())) {
      return Golden.tensor(file, node.get("key").stringValue());
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
