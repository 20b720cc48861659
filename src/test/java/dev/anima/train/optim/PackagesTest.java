package dev.anima.train.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.config.KeywordLiterals;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// Twelve updates of each optimizer as its own Python package made them: two groups with rates of
/// their own, a falling schedule, tensors that miss a gradient now and then.
class PackagesTest {
  /// Bound on the distance to the recorded weights, relative to how far they moved: rounding of
  /// float32 steps, a hundred times below any wrong constant.
  private static final double OF_THE_WAY = 5e-6;

  /// Float32 weights cannot be met better than this, all together.
  private static final double GRAIN = 1e-6;

  private static final JsonNode INDEX = Golden.json("training/optimizer_packages.json");

  static Stream<Arguments> recorded() {
    return INDEX.get("optimizers").properties().stream()
        .map(entry -> Arguments.of(entry.getKey(), entry.getValue()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("recorded")
  void followsItsPackage(String name, JsonNode entry) {
    OptimizerChoice choice = choice(entry);
    double moved = entry.get("moved").doubleValue();
    try (SafetensorsFile file = Golden.tensors("training/optimizer_packages.safetensors");
        Scope _ = new Scope()) {
      List<String> names = new ArrayList<>();
      ParameterLayout layout = layout(file, name, entry, names);
      Dtype dtype = entry.get("dtype").stringValue().equals("bfloat16") ? Dtype.BF16 : Dtype.F32;
      Tensor values = flat(file, "init", names).to(dtype);
      try (Optimizer optimizer =
          choice.create(
              new FlatParameters(values, layout), layout.groups().getFirst().learningRate())) {
        for (int step = 0; step < INDEX.get("steps").intValue(); step++) {
          int gradient = entry.get("steady").booleanValue() ? 0 : step;
          optimizer.update(
              flat(file, "grad" + gradient, names).to(dtype),
              withGradient(step, names),
              rates(entry, step));
          if (file.names().contains(name + "/step" + step + "/" + names.getFirst())) {
            assertNear(file, name + "/step" + step, names, values, OF_THE_WAY * moved + GRAIN);
          }
        }
        for (int group = 0; group < entry.path("d").size(); group++) {
          double d = entry.get("d").get(group).doubleValue();
          assertThat(optimizer.stepSizeEstimate(group).orElseThrow())
              .isCloseTo(d, within(1e-5 * d));
        }
        if (file.names().contains(name + "/eval/" + names.getFirst())) {
          optimizer.eval();
          assertNear(file, name + "/eval", names, values, OF_THE_WAY * moved + GRAIN);
        }
      }
    }
  }

  private static void assertNear(
      SafetensorsFile file, String what, List<String> names, Tensor values, double bound) {
    double apart = values.to(Dtype.F32).sub(flat(file, what, names)).norm().item();
    assertThat(apart).as(what).isLessThanOrEqualTo(bound);
  }

  /// Groups of the tensors that the case has.
  private static ParameterLayout layout(
      SafetensorsFile file, String name, JsonNode entry, List<String> names) {
    ParameterLayout.Builder builder = ParameterLayout.builder();
    for (int group = 0; group < INDEX.get("groups").size(); group++) {
      builder.group("group" + group, entry.get("learning_rates").get(group).doubleValue());
      for (JsonNode tensor : INDEX.get("groups").get(group)) {
        if (file.names().contains(name + "/step0/" + tensor.stringValue())) {
          names.add(tensor.stringValue());
          builder.add(
              tensor.stringValue(), Golden.tensor(file, "init/" + tensor.stringValue()).shape());
        }
      }
    }
    return builder.build();
  }

  private static Tensor flat(SafetensorsFile file, String prefix, List<String> names) {
    return Ops.cat(
        names.stream()
            .map(n -> Golden.tensor(file, prefix + "/" + n).to(Dtype.F32).flatten())
            .toList(),
        0);
  }

  private static BitSet withGradient(int step, List<String> names) {
    BitSet set = new BitSet();
    set.set(0, names.size());
    for (JsonNode missing : INDEX.get("missing").path(Integer.toString(step))) {
      if (names.contains(missing.stringValue())) {
        set.clear(names.indexOf(missing.stringValue()));
      }
    }
    return set;
  }

  private static double[] rates(JsonNode entry, int step) {
    double factor =
        entry.get("scheduled").booleanValue() ? INDEX.get("factors").get(step).doubleValue() : 1;
    return entry
        .get("learning_rates")
        .valueStream()
        .mapToDouble(rate -> rate.doubleValue() * factor)
        .toArray();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("recorded")
  void namesItsClass(String name, JsonNode entry) {
    String recorded = entry.get("class").stringValue();
    // The paged classes compute the same and were recorded without paging.
    boolean paged = name.startsWith("Paged");
    assertThat(choice(entry).pythonName().replace("Paged", paged ? "" : "Paged"))
        .startsWith(paged ? recorded.substring(0, recorded.lastIndexOf('.')) : recorded);
  }

  private static OptimizerChoice choice(JsonNode entry) {
    List<String> words = entry.get("flags").valueStream().map(JsonNode::stringValue).toList();
    return OptimizerChoice.parse(
        words.getFirst().substring("--optimizer_type=".length()),
        KeywordLiterals.parse(
            "optimizer_args", words.size() > 2 ? words.subList(2, words.size()) : List.of()));
  }
}
