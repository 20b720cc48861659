package dev.anima.lora;

import static dev.anima.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
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
        LoraSet set = load(file);
        WeightNorms.Pending pending = WeightNorms.limit(set, limit)) {
      WeightNorms.Report report = pending.report();

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

  /// Shrinking without a look at the norms gives the same bits as a factor from the report's own
  /// arithmetic, and leaves modules within the limit alone.
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void factorsAreThoseOfDoubleArithmetic(Dtype dtype) {
    double limit = 0.9;
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors("training/scale_weight_norms.safetensors");
        LoraSet set = load(file, dtype)) {
      List<Tensor> expected = new ArrayList<>();
      int scaled = 0;
      for (LoraAdapter adapter : set.modules()) {
        Tensor down = adapter.down().to(Dtype.F64);
        Tensor up = adapter.up().to(Dtype.F64);
        double square = up.t().matmul(up).mul(down.matmul(down.t())).sum().item();
        double norm = adapter.alpha() / adapter.module().rank() * Math.sqrt(square);
        float factor = norm > limit ? (float) Math.sqrt(limit / norm) : 1;
        scaled += norm > limit ? 1 : 0;
        for (Tensor half : List.of(adapter.down(), adapter.up())) {
          expected.add(half.to(Dtype.F32).mul((double) factor).to(dtype));
        }
      }

      try (WeightNorms.Pending pending = WeightNorms.limit(set, limit)) {
        assertThat(pending.report().scaled())
            .isEqualTo(scaled)
            .isBetween(1, expected.size() / 2 - 1);
      }

      for (int i = 0; i < expected.size(); i++) {
        LoraAdapter adapter = set.modules().get(i / 2);
        Tensor half = i % 2 == 0 ? adapter.down() : adapter.up();
        assertThat(half.toFloats()).isEqualTo(expected.get(i).toFloats());
      }
    }
  }

  private static Tensor weight(SafetensorsFile file, String name, String half) {
    return Golden.tensor(file, name + ".lora_" + half + ".weight");
  }

  private static LoraSet load(SafetensorsFile file) {
    return load(file, Dtype.F32);
  }

  private static LoraSet load(SafetensorsFile file, Dtype dtype) {
    List<LoraModule> modules =
        LoraPlan.select(
                LoraPlanTest.spec(4, 2, NetworkArgs.NONE),
                LoraPlanTest.tinyLayers(),
                Set.of(Network.DIT))
            .trained();
    List<LoraParameter> parameters =
        modules.stream().flatMap(module -> module.parameters().stream()).toList();
    LoraSet set =
        new LoraSet(
            modules,
            List.of(new ParameterGroup("unet", 1e-4, parameters)),
            Dropouts.NONE,
            Device.CPU,
            dtype);
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
