package dev.anima.train.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.config.KeywordLiterals;
import dev.anima.io.InputException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

@SuppressWarnings("NullAway") // javac drops the type annotation of a record's constructor parameter
class LrScheduleTest {
  /// All recorded schedules but the one whose flags the command line refuses before a schedule is
  /// made.
  static Stream<Arguments> golden() {
    return Golden.json("training/lr_schedules.json")
        .valueStream()
        .filter(
            entry -> !entry.path("error").asString("").equals("rejected by the argument parser"))
        .map(entry -> Arguments.of(entry.get("flags").toString(), entry));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("golden")
  void matchesTheReferenceAtEveryStep(String name, JsonNode entry) {
    ScheduleFlags flags = parse(entry);
    if (entry.has("error")) {
      assertThatThrownBy(flags::create)
          .as(entry.get("error").stringValue())
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--lr_");
      return;
    }
    LrSchedule schedule = flags.create();
    double rate = entry.get("learning_rate").doubleValue();
    JsonNode rates = entry.get("lr");
    assertThat(rates.size()).as(name).isEqualTo(entry.get("max_train_steps").intValue());
    for (int step = 0; step < rates.size(); step++) {
      assertRate(step, schedule.rateAt(step, rate), rates.get(step).doubleValue());
    }
    assertRate(
        rates.size(),
        schedule.rateAt(rates.size(), rate),
        entry.get("lr_after_last_step").doubleValue());
  }

  static Stream<Arguments> torchGolden() {
    return Golden.json("training/torch_schedules.json")
        .get("cases")
        .valueStream()
        .map(entry ->
            Arguments.of(entry.get("type").stringValue() + " " + entry.get("arguments"), entry));
  }

  /// The classes of torch 2.13 themselves, over two groups.
  @ParameterizedTest(name = "{0}")
  @MethodSource("torchGolden")
  void followsTheTorchClass(String name, JsonNode entry) {
    Map<String, @Nullable Object> arguments =
        KeywordLiterals.parse(
            "lr_scheduler_args",
            entry.get("arguments").valueStream().map(JsonNode::stringValue).toList());
    LrSchedule schedule = typed(entry.get("type").stringValue(), arguments, 40).create();
    for (int step = 0; step < entry.get("lr").size(); step++) {
      for (int group = 0; group < 2; group++) {
        assertRate(
            step,
            schedule.rateAt(step, entry.get("learning_rates").get(group).doubleValue()),
            entry.get("lr").get(step).get(group).doubleValue());
      }
    }
  }

  /// `pytorch_optimizer`'s REX, and a warm-up before it.
  @Test
  void rexFallsAsItsPackageHasIt() {
    JsonNode recorded = Golden.json("training/torch_schedules.json").get("rex");
    LrSchedule whole = ScheduleFlags.named("rex", 40, 1).create();
    LrSchedule late = new LrSchedule.Rex(7, 40, 0.1);
    for (int step = 0; step < 42; step++) {
      assertThat(whole.rateAt(step, 1))
          .isCloseTo(recorded.get("40/0.0").get(step).doubleValue(), within(1e-12));
    }
    for (int step = 7; step < 41; step++) {
      assertThat(late.rateAt(step, 1))
          .isCloseTo(recorded.get("33/0.1").get(step - 7).doubleValue(), within(1e-12));
    }
    assertThat(late.rateAt(0, 1)).isZero();
    assertThat(late.rateAt(3, 7)).isEqualTo(3);
  }

  /// The article's run: 1200 steps, rate used at optimizer step n (spec/training.md 26).
  @Test
  void groupsKeepTheirOwnRates() {
    LrSchedule schedule = ScheduleFlags.named("linear", 100, 1e-4).create();

    assertThat(schedule.rateAt(25, 2e-3)).isCloseTo(1.5e-3, within(1e-12));
  }

  @Test
  void aShareOfTheStepsIsCutToWholeSteps() {
    assertThat(with("linear", 0.05, 0, Map.of()).warmupSteps()).isEqualTo(2); // of 57: 2.85
  }

  @ParameterizedTest(name = "{0} at step {2}")
  @CsvSource(
      delimiter = '|',
      value = {
        "CosineAnnealingWarmRestarts | T_0=10          | 10 | 1.0",
        "CosineAnnealingWarmRestarts | T_0=10;T_mult=2 | 20 | 0.5",
        "StepLR                      | step_size=4     | 8  | 0.01",
        "ExponentialLR               | gamma=0.5       | 3  | 0.125",
        "LinearLR                    | total_iters=10  | 5  | 0.6666666666666666",
        "ConstantLR                  | factor=0.25     | 4  | 0.25",
        "ConstantLR                  | factor=0.25     | 5  | 1.0",
        "PolynomialLR                | total_iters=4   | 1  | 0.75",
        "torch.optim.lr_scheduler.StepLR | step_size=4 | 4  | 0.1"
      })
  void torchSchedulesFollowTheirFormula(
      String type, String arguments, int step, double multiplier) {
    Map<String, @Nullable Object> values = new HashMap<>();
    for (String pair : arguments.split(";")) {
      String[] parts = pair.split("=");
      values.put(parts[0], literal(parts[1]));
    }
    assertThat(typed(type, values).create().rateAt(step, 1)).isCloseTo(multiplier, within(1e-12));
  }

  @Test
  void multiStepCountsTheMilestonesPassed() {
    LrSchedule schedule = typed("MultiStepLR", Map.of("milestones", List.of(5, 9))).create();

    assertThat(schedule.rateAt(4, 1)).isEqualTo(1);
    assertThat(schedule.rateAt(5, 1)).isEqualTo(0.1);
    assertThat(schedule.rateAt(9, 1)).isCloseTo(0.01, within(1e-12));
  }

  @Test
  void oneCycleWithThreePhasesComesBackToTheStart() {
    LrSchedule schedule =
        typed(
                "OneCycleLR",
                Map.of("max_lr", 1.0, "total_steps", 101, "pct_start", 0.3, "three_phase", true))
            .create();

    assertThat(schedule.rateAt(0, 5)).isCloseTo(0.04, within(1e-12));
    assertThat(schedule.rateAt(100, 5)).isCloseTo(0.04e-4, within(1e-12));
    assertThat(schedule.rateAt(58, 5)).isGreaterThan(0.04).isLessThan(0.06);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "cosin                | did you mean \"cosine\"?",
        "Cosine               | did you mean \"cosine\"?",
        "rexx                 | did you mean \"rex\"?",
        "adafactor            | --optimizer_type=Adafactor",
        "reduce_lr_on_plateau | cosine_with_min_lr"
      })
  void anUnknownNameGetsAHint(String name, String hint) {
    assertThatThrownBy(() -> ScheduleFlags.named(name, 10, 1e-4).create())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--lr_scheduler=" + name)
        .hasMessageContaining(hint);
  }

  @Test
  void anUnknownArgumentGetsAHint() {
    assertThatThrownBy(() -> with("cosine", 0, 0, Map.of("num_cycle", 2)).create())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("num_cycles");
    assertThatThrownBy(() -> typed("StepLR", Map.of("step_size", "x")).create())
        .hasMessageContaining("step_size=x")
        .hasMessageContaining("whole number");
  }

  @Test
  void aWarmUpThatDoesNothingIsRefused() {
    ScheduleFlags flags =
        new ScheduleFlags(
            "constant",
            "ExponentialLR",
            5,
            0,
            10,
            1,
            1,
            OptionalInt.empty(),
            OptionalDouble.empty(),
            Map.of("gamma", 0.9),
            1e-4);
    assertThatThrownBy(flags::create).hasMessageContaining("--lr_warmup_steps=5");
  }

  @Test
  void flagsWithoutEffectAreNamed() {
    assertThat(
            parseFlags(List.of("--lr_scheduler=cosine", "--lr_scheduler_num_cycles=3"), 10, 1e-4)
                .warnings())
        .singleElement()
        .asString()
        .contains("cosine_with_restarts");
    assertThat(ScheduleFlags.named("cosine", 10, 1e-4).warnings()).isEmpty();
  }

  private static void assertRate(int step, double actual, double expected) {
    assertThat(actual).as("step %d", step).isCloseTo(expected, within(1e-9 * Math.abs(expected)));
  }

  private static ScheduleFlags with(
      String name, Number warmup, Number decay, Map<String, @Nullable Object> arguments) {
    return new ScheduleFlags(
        name,
        "",
        warmup,
        decay,
        57,
        1,
        1,
        OptionalInt.empty(),
        OptionalDouble.empty(),
        arguments,
        1e-4);
  }

  private static ScheduleFlags typed(String type, Map<String, @Nullable Object> arguments) {
    return typed(type, arguments, 100);
  }

  private static ScheduleFlags typed(
      String type, Map<String, @Nullable Object> arguments, int totalSteps) {
    return new ScheduleFlags(
        "constant",
        type,
        0,
        0,
        totalSteps,
        1,
        1,
        OptionalInt.empty(),
        OptionalDouble.empty(),
        arguments,
        1e-4);
  }

  private static ScheduleFlags parse(JsonNode entry) {
    return parseFlags(
        entry.get("flags").valueStream().map(JsonNode::stringValue).toList(),
        entry.get("max_train_steps").intValue(),
        entry.get("learning_rate").doubleValue());
  }

  private static ScheduleFlags parseFlags(List<String> words, int totalSteps, double rate) {
    Map<String, String> flags = new HashMap<>();
    Map<String, @Nullable Object> arguments = new HashMap<>();
    for (String word : words) {
      String[] pair = word.split("=", 2);
      if (word.startsWith("--")) {
        flags.put(pair[0], pair.length == 2 ? pair[1] : "");
      } else {
        arguments.put(pair[0], literal(pair[1]));
      }
    }
    String warmup = flags.getOrDefault("--lr_warmup_steps", flags.getOrDefault("--lr_warmup", "0"));
    return new ScheduleFlags(
        flags.getOrDefault("--lr_scheduler", "constant"),
        flags.getOrDefault("--lr_scheduler_type", ""),
        stepsOrShare(warmup),
        stepsOrShare(flags.getOrDefault("--lr_decay_steps", "0")),
        totalSteps,
        Integer.parseInt(flags.getOrDefault("--lr_scheduler_num_cycles", "1")),
        Double.parseDouble(flags.getOrDefault("--lr_scheduler_power", "1")),
        flags.containsKey("--lr_scheduler_timescale")
            ? OptionalInt.of(Integer.parseInt(flags.get("--lr_scheduler_timescale")))
            : OptionalInt.empty(),
        flags.containsKey("--lr_scheduler_min_lr_ratio")
            ? OptionalDouble.of(Double.parseDouble(flags.get("--lr_scheduler_min_lr_ratio")))
            : OptionalDouble.empty(),
        arguments,
        rate);
  }

  private static Number stepsOrShare(String text) {
    if (text.endsWith("%")) {
      return Double.parseDouble(text.substring(0, text.length() - 1)) / 100;
    }
    return text.contains(".") ? Double.valueOf(text) : (Number) Integer.valueOf(text);
  }

  private static Object literal(String text) {
    if (text.startsWith("'")) {
      return text.substring(1, text.length() - 1);
    }
    try {
      return Integer.valueOf(text);
    } catch (NumberFormatException e) {
      try {
        return Double.valueOf(text);
      } catch (NumberFormatException f) {
        return text;
      }
    }
  }
}
