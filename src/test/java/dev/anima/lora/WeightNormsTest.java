package dev.anima.lora;

import static dev.anima.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class WeightNormsTest {
  static Stream<JsonNode> cases() {
    List<JsonNode> cases = new ArrayList<>();
    index().get("cases").forEach(cases::add);
    return cases.stream();
  }

  private static JsonNode index() {
    return Golden.json("training/index.json").get("scale_weight_norms");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void limitsEveryModuleAsTheReferenceDoes(JsonNode golden) {
    double limit = golden.get("max_norm").doubleValue();
    double weightTolerance = index().get("tolerance").get("weights_max_abs").doubleValue();
    double normTolerance = index().get("tolerance").get("norms").doubleValue();
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors("training/scale_weight_norms.safetensors");
        LoraSet set = load(file)) {
      WeightNorms.Report report = WeightNorms.limit(set, limit);

      assertThat(report.scaled()).isEqualTo(golden.get("keys_scaled").intValue());
      assertThat(report.mean())
          .isCloseTo(golden.get("mean_norm").doubleValue(), within(normTolerance));
      assertThat(report.max())
          .isCloseTo(golden.get("max_norm_after").doubleValue(), within(normTolerance));
      for (LoraAdapter adapter : set.modules()) {
        String name = "after_" + limit + "/" + adapter.module().name();
        assertClose(name, adapter.down(), weight(file, name, "down"), weightTolerance);
        assertClose(name, adapter.up(), weight(file, name, "up"), weightTolerance);
      }
    }
  }

  private static Tensor weight(SafetensorsFile file, String name, String half) {
    return Golden.tensor(file, name + ".lora_" + half + ".weight");
  }

  private static LoraSet load(SafetensorsFile file) {
    List<LoraModule> modules =
        LoraPlan.select(
                LoraPlanTest.spec(4, 2, NetworkArgs.NONE),
                LoraPlanTest.tinyLayers(),
                Set.of(Network.DIT))
            .trained();
    LoraSet set = LoraSetTest.set(modules, Dropouts.NONE);
    try (NoGrad _ = new NoGrad()) {
      for (LoraAdapter adapter : set.modules()) {
        String name = "before/" + adapter.module().name();
        adapter.down().copy_(weight(file, name, "down"));
        adapter.up().copy_(weight(file, name, "up"));
      }
    }
    return set;
  }
}
