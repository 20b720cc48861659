package dev.anima.train.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.io.InputException;
import dev.anima.io.PythonText;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptimizerChoiceTest {
  @Test
  void namesTheClassAndTheArgumentsLikePython() {
    Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
    arguments.put("weight_decay", 0.11);
    arguments.put("betas", new PythonText.Tuple(List.of(0.9, 0.99)));

    assertThat(OptimizerChoice.parse("adamw8BIT", arguments).pythonName())
        .isEqualTo("bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.11,betas=(0.9, 0.99))");
    assertThat(OptimizerChoice.parse("", Map.of()).pythonName())
        .isEqualTo("torch.optim.adamw.AdamW");
    assertThat(OptimizerChoice.parse("SGDNesterov", Map.of()).pythonName())
        .isEqualTo("torch.optim.sgd.SGD(momentum=0.9)");
    assertThat(OptimizerChoice.parse("adafactor", Map.of("scale_parameter", false)).pythonName())
        .isEqualTo("transformers.optimization.Adafactor(scale_parameter=False,relative_step=True)");
  }

  @Test
  void hasTheDefaultsOfTheClasses() {
    assertThat(OptimizerChoice.parse("AdamW", Map.of()).config())
        .isEqualTo(new OptimizerConfig.AdamW(0.9, 0.999, 1e-8, 0.01, false, true));
    assertThat(OptimizerChoice.parse("PagedAdamW8bit", Map.of()).config())
        .isEqualTo(new OptimizerConfig.AdamW8bit(0.9, 0.999, 1e-8, 0.01, 4096));
    assertThat(OptimizerChoice.parse("PagedAdamW32bit", Map.of()).config())
        .isEqualTo(new OptimizerConfig.AdamW8bit(0.9, 0.999, 1e-8, 0.01, Long.MAX_VALUE));
    assertThat(OptimizerChoice.parse("Lion8bit", Map.of()).config())
        .isEqualTo(new OptimizerConfig.Lion8bit(0.9, 0.99, 0, 4096));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "bitsandbytes.optim.AdamW8bit, AdamW8bit",
    "torch.optim.AdamW, AdamW",
    "torch.optim.SGD, SGD",
    "came_pytorch.CAME, CAME",
    "came_pytorch.CAME.CAME, CAME",
    "prodigyplus.ProdigyPlusScheduleFree, ProdigyPlusScheduleFree",
    "prodigyplus.prodigy_plus_schedulefree.ProdigyPlusScheduleFree, ProdigyPlusScheduleFree",
    "schedulefree.RAdamScheduleFree, RAdamScheduleFree",
    "lion_pytorch.Lion, Lion",
    "dadaptation.experimental.DAdaptAdanIP, DAdaptAdanIP",
    "transformers.optimization.Adafactor, Adafactor",
    "dadaptation, DAdaptAdamPreprint",
    "torch.optim.Muon, Muon"
  })
  void pythonClassesAreKnownByTheirFullNames(String dotted, String name) {
    assertThat(OptimizerChoice.parse(dotted, Map.of()).name()).isEqualTo(name);
  }

  @Test
  void someFollowTheFirstRateOnly() {
    OptimizerChoice adan = OptimizerChoice.parse("DAdaptAdan", Map.of());

    assertThat(adan.checkRates(List.of(1.0, 0.5)).orElseThrow()).contains("1.0 and 0.5");
    assertThat(adan.checkRates(List.of(1.0, 1.0))).isEmpty();
    assertThat(OptimizerChoice.parse("AdamW", Map.of()).checkRates(List.of(1.0, 0.5))).isEmpty();
  }

  @Test
  void everyNameCanBeChosen() {
    for (String name : OptimizerChoice.names()) {
      OptimizerChoice choice = OptimizerChoice.parse(name, Map.of());
      assertThat(choice.pythonName()).doesNotContain("null").contains(".");
      assertThat(choice.replacesSchedule())
          .isEqualTo(name.endsWith("ScheduleFree") || name.equals("Adafactor"));
    }
  }

  @Test
  void warmupInitSwitchesRelativeStepsBackOn() {
    OptimizerChoice choice =
        OptimizerChoice.parse("Adafactor", Map.of("relative_step", false, "warmup_init", true));

    assertThat(choice.choosesOwnRate()).isTrue();
    assertThat(choice.pythonName()).contains("relative_step=True");
    assertThat(choice.warnings(1e-4, 1)).singleElement().asString().contains("relative_step=False");
  }

  @ParameterizedTest(name = "{0} {1}={2}")
  @CsvSource(
      delimiter = '|',
      value = {
        "AdamW8bits  |              |      | did you mean \"AdamW8bit\"?",
        "Cane        |              |      | is not an optimizer here",
        "DAdaptAdams |              |      | did you mean \"DAdaptAdam\"?",
        "pytorch_optimizer.CAME |    |     | did you mean \"CAME\"?",
        "my.own.Thing |             |      | cannot be loaded",
        "DAdaptAdam  | d_0          | 1    | did you mean \"d0\"?",
        "AdamW8bit   | weight_deacy | 0.1  | did you mean \"weight_decay\"?",
        "AdamW8bit   | d_coef       | 2    | it takes",
        "AdamW       | betas        | 0.9  | betas=0.9",
        "AdamW       | weight_decay | -1   | weight_decay=-1.0",
        "AdamW       | eps          | abc  | expected a number",
        "AdamW8bit   | amsgrad      | True | expected False",
        "Prodigy     | slice_p      | 0    | at least 1"
      })
  void wrongInputIsExplained(String type, String key, String value, String message) {
    Map<String, @Nullable Object> arguments = key == null ? Map.of() : Map.of(key, literal(value));
    assertThatThrownBy(() -> OptimizerChoice.parse(type, arguments))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--optimizer_")
        .hasMessageContaining(message);
  }

  @Test
  void prodigyRefusesDifferentLearningRates() {
    ParameterLayout layout =
        ParameterLayout.builder().group("te", 0.5).add("a", 1).group("unet", 1).add("b", 1).build();
    OptimizerChoice prodigy = OptimizerChoice.parse("Prodigy", Map.of());
    try (Scope _ = new Scope()) {
      FlatParameters parameters = new FlatParameters(Ops.zeros(Dtype.F32, Device.CPU, 2), layout);
      assertThatThrownBy(() -> prodigy.create(parameters, 1))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("0.5 and 1.0");
    }
    assertThat(prodigy.warnings(1e-4, 1)).singleElement().asString().contains("1.0 is usual");
  }

  @Test
  void lionsDecoupledDecayIsRelativeToTheLearningRate() {
    ParameterLayout layout = ParameterLayout.builder().group("all", 1).add("a", 1).build();
    OptimizerChoice lion =
        OptimizerChoice.parse("Lion", Map.of("weight_decay", 0.01, "decoupled_weight_decay", true));
    try (Scope _ = new Scope()) {
      var values = Ops.full(1, Dtype.F32, Device.CPU, 1);
      try (Optimizer optimizer = lion.create(new FlatParameters(values, layout), 0.1)) {
        java.util.BitSet one = new java.util.BitSet();
        one.set(0);
        optimizer.update(Ops.zeros(Dtype.F32, Device.CPU, 1), one, new double[] {0.1});
      }
      assertThat(values.item()).isCloseTo(0.99, org.assertj.core.api.Assertions.within(1e-7));
    }
  }

  private static Object literal(String text) {
    return switch (text) {
      case "True" -> true;
      case "False" -> false;
      case "abc" -> text;
      default -> text.contains(".") ? (Object) Double.valueOf(text) : Long.valueOf(text);
    };
  }
}
