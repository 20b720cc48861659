package dev.anima.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.LoraPlan.Layers;
import dev.anima.lora.ParameterGroup.LearningRates;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class LoraPlanTest {
  private static final String SELECTION = "training/module_selection.json";

  @ParameterizedTest(name = "case {0}")
  @MethodSource("selectionCases")
  void selectsTheReferencesModulesAndGroups(int index) {
    JsonNode golden = Golden.json(SELECTION).get(index);
    Flags flags = Flags.of(golden.get("flags"));

    LoraPlan plan = LoraPlan.select(flags.spec(), tinyLayers(), flags.networks());
    List<ParameterGroup> groups = ParameterGroup.of(plan, flags.args(), flags.rates());

    Map<String, List<Double>> expected = new LinkedHashMap<>();
    golden
        .get("modules")
        .properties()
        .forEach(e ->
            expected.put(
                e.getKey(),
                List.of(e.getValue().get(0).doubleValue(), e.getValue().get(1).doubleValue())));
    Map<String, List<Double>> actual = new LinkedHashMap<>();
    plan.trained().forEach(m -> actual.put(m.name(), List.of((double) m.rank(), m.alpha())));
    assertThat(actual).containsExactlyEntriesOf(expected);

    assertThat(groups).hasSize(golden.get("groups").size());
    for (int i = 0; i < groups.size(); i++) {
      JsonNode group = golden.get("groups").get(i);
      assertThat(groups.get(i).description()).isEqualTo(group.get("description").stringValue());
      assertThat(groups.get(i).learningRate()).isEqualTo(group.get("lr").doubleValue());
      assertThat(groups.get(i).parameters().stream().map(LoraParameter::name).toList())
          .isEqualTo(strings(group.get("parameters")));
    }
  }

  static IntStream selectionCases() {
    return IntStream.range(0, Golden.json(SELECTION).size());
  }

  @Test
  void listsTheModulesOfTheFullSizeModels() {
    Layers layers = fullSizeLayers();
    LoraSpec plain = spec(4, 4, NetworkArgs.NONE);
    JsonNode golden = Golden.json("training/lora_modules_full.json");

    LoraPlan plan = LoraPlan.select(plain, layers, Set.of(Network.values()));

    List<String> expected = new ArrayList<>(describe(golden.get("text_encoder")));
    expected.addAll(describe(golden.get("dit")));
    assertThat(plan.created().stream().map(LoraPlanTest::describe).toList()).isEqualTo(expected);
  }

  @Test
  void theAdapterComesBeforeTheBlocks() {
    NetworkArgs args = NetworkArgs.parse(List.of("train_llm_adapter=True"));
    JsonNode golden = Golden.json("training/lora_modules_full.json");

    LoraPlan plan = LoraPlan.select(spec(4, 4, args), fullSizeLayers(), Set.of(Network.DIT));

    List<String> expected = new ArrayList<>(describe(golden.get("llm_adapter")));
    expected.addAll(describe(golden.get("dit")));
    assertThat(plan.trained().stream().map(LoraPlanTest::describe).toList()).isEqualTo(expected);
  }

  @Test
  void everythingIsReachable() {
    NetworkArgs args =
        NetworkArgs.parse(List.of("train_llm_adapter=true", "include_patterns='.*'"));
    LoraPlan plan = LoraPlan.select(spec(4, 4, args), fullSizeLayers(), Set.of(Network.DIT));
    assertThat(plan.trained()).hasSize(514);
  }

  @Test
  void sameNamesAreAnError() {
    LinearModule a = new LinearModule("blocks.0.mlp_layer1", 2, 2);
    LinearModule b = new LinearModule("blocks.0.mlp.layer1", 2, 2);
    LoraSpec spec = spec(1, 1, NetworkArgs.NONE);
    Layers layers = new Layers(List.of(), List.of(a, b));
    assertThatThrownBy(() -> LoraPlan.select(spec, layers, Set.of(Network.DIT)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("lora_unet_blocks_0_mlp_layer1");
  }

  @Test
  void bothOnlyFlagsLeaveNothing() {
    assertThatThrownBy(() -> LoraPlan.networks(true, true))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--network_train_unet_only");
  }

  static Layers tinyLayers() {
    try (SafetensorsFile dit = Golden.tensors("tiny/dit.safetensors");
        SafetensorsFile qwen3 = Golden.tensors("tiny/qwen3.safetensors")) {
      return new Layers(LinearModules.ofTextEncoder(qwen3), LinearModules.ofDit(dit));
    }
  }

  static Layers fullSizeLayers() {
    JsonNode keys = Golden.json("models/checkpoint_keys.json");
    return new Layers(
        LinearModules.ofTextEncoder(shapes(keys.get("qwen3"))),
        LinearModules.ofDit(shapes(keys.get("dit"))));
  }

  static LoraSpec spec(int rank, double alpha, NetworkArgs args) {
    return LoraSpec.of(
        OptionalInt.of(rank), OptionalDouble.of(alpha), OptionalDouble.empty(), args);
  }

  /// Shapes by name; the recorded VAE keys carry more than the shape.
  static Map<String, List<Long>> shapes(JsonNode keys) {
    Map<String, List<Long>> shapes = new HashMap<>();
    for (Map.Entry<String, JsonNode> key : keys.properties()) {
      List<Long> shape = new ArrayList<>();
      JsonNode value = key.getValue();
      (value.isArray() ? value : value.get("shape")).forEach(e -> shape.add(e.longValue()));
      shapes.put(key.getKey(), shape);
    }
    return shapes;
  }

  private static List<String> describe(JsonNode modules) {
    List<String> lines = new ArrayList<>();
    for (JsonNode m : modules) {
      lines.add(
          "%s %s %d %.1f %d->%d"
              .formatted(
                  m.get("name").stringValue(),
                  m.get("module").stringValue(),
                  m.get("rank").intValue(),
                  m.get("alpha").doubleValue(),
                  m.get("in").intValue(),
                  m.get("out").intValue()));
    }
    return lines;
  }

  private static String describe(LoraModule m) {
    return "%s %s %d %.1f %d->%d"
        .formatted(m.name(), m.path(), m.rank(), m.alpha(), m.linear().in(), m.linear().out());
  }

  private static List<String> strings(JsonNode array) {
    List<String> strings = new ArrayList<>();
    array.forEach(node -> strings.add(node.stringValue()));
    return strings;
  }

  /// The flags of a recorded case, as far as they choose modules and groups.
  private record Flags(
      LoraSpec spec, NetworkArgs args, LearningRates rates, Set<Network> networks) {
    static Flags of(JsonNode node) {
      Map<String, List<String>> flags = new HashMap<>();
      String last = "";
      for (String word : strings(node)) {
        if (word.startsWith("--")) {
          int equals = word.indexOf('=');
          last = equals < 0 ? word : word.substring(0, equals);
          List<String> values = new ArrayList<>();
          if (equals >= 0) {
            values.add(word.substring(equals + 1));
          }
          flags.put(last, values);
        } else {
          flags.getOrDefault(last, new ArrayList<>()).add(word);
        }
      }
      NetworkArgs args = NetworkArgs.parse(flags.getOrDefault("--network_args", List.of()));
      LoraSpec spec =
          LoraPlanTest.spec(
              (int) number(flags, "--network_dim").orElseThrow(),
              number(flags, "--network_alpha").orElseThrow(),
              args);
      LearningRates rates =
          new LearningRates(
              number(flags, "--learning_rate").orElseThrow(),
              number(flags, "--unet_lr"),
              number(flags, "--text_encoder_lr"));
      return new Flags(
          spec,
          args,
          rates,
          LoraPlan.networks(
              flags.containsKey("--network_train_unet_only"),
              flags.containsKey("--network_train_text_encoder_only")));
    }

    private static OptionalDouble number(Map<String, List<String>> flags, String flag) {
      List<String> values = flags.getOrDefault(flag, List.of());
      return values.isEmpty()
          ? OptionalDouble.empty()
          : OptionalDouble.of(Double.parseDouble(values.getFirst()));
    }
  }
}
