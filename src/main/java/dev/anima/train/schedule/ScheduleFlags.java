package dev.anima.train.schedule;

import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import dev.anima.train.KeywordArguments;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// The `--lr_*` flags as typed, and the [LrSchedule] they mean.
///
/// @param name `--lr_scheduler`
/// @param type `--lr_scheduler_type`, empty when absent; wins over `name`
/// @param warmup `--lr_warmup_steps`: an [Integer] or [Long] counts steps, a [Double] is a share of
///   `totalSteps`
/// @param decay `--lr_decay_steps`, likewise
/// @param totalSteps optimizer steps times processes
/// @param cycles `--lr_scheduler_num_cycles`
/// @param power `--lr_scheduler_power`
/// @param timescale `--lr_scheduler_timescale`
/// @param minLrRatio `--lr_scheduler_min_lr_ratio`
/// @param arguments `--lr_scheduler_args` as Python literals (see [KeywordArguments])
/// @param learningRate `--learning_rate`
public record ScheduleFlags(
    String name,
    String type,
    Number warmup,
    Number decay,
    int totalSteps,
    int cycles,
    double power,
    OptionalInt timescale,
    OptionalDouble minLrRatio,
    Map<String, @Nullable Object> arguments,
    double learningRate) {

  private static final List<String> NAMES =
      List.of(
          "constant",
          "constant_with_warmup",
          "linear",
          "cosine",
          "cosine_with_restarts",
          "polynomial",
          "inverse_sqrt",
          "cosine_with_min_lr",
          "warmup_stable_decay",
          "piecewise_constant",
          "rex");

  public ScheduleFlags {
    arguments = Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
    if (warmup.doubleValue() < 0) {
      throw new InputException("--lr_warmup_steps must not be negative, got " + warmup);
    }
    if (decay.doubleValue() < 0) {
      throw new InputException("--lr_decay_steps must not be negative, got " + decay);
    }
  }

  /// The defaults of the command line with this schedule.
  public static ScheduleFlags named(String name, int totalSteps, double learningRate) {
    return new ScheduleFlags(
        name,
        "",
        0,
        0,
        totalSteps,
        1,
        1,
        OptionalInt.empty(),
        OptionalDouble.empty(),
        Map.of(),
        learningRate);
  }

  /// Warm-up in steps; a share is cut off to whole steps.
  public int warmupSteps() {
    return steps(warmup);
  }

  /// Decay in steps, for `warmup_stable_decay`.
  public int decaySteps() {
    return steps(decay);
  }

  private int steps(Number stepsOrShare) {
    return stepsOrShare instanceof Double share
        ? (int) (share * totalSteps)
        : stepsOrShare.intValue();
  }

  /// The schedule these flags mean.
  ///
  /// @throws InputException for an unknown name, and for flags the schedule cannot work with
  public LrSchedule create() {
    if (!type.isEmpty()) {
      return TorchScheduleNames.create(this);
    }
    KeywordArguments given = new KeywordArguments("--lr_scheduler_args", name, arguments);
    LrSchedule schedule =
        switch (name) {
          case "constant" -> constant();
          case "constant_with_warmup" -> new LrSchedule.ConstantWithWarmup(warmupSteps());
          case "linear" -> new LrSchedule.Linear(warmupSteps(), totalSteps);
          case "cosine" ->
              new LrSchedule.Cosine(warmupSteps(), totalSteps, given.number("num_cycles", 0.5));
          case "cosine_with_restarts" ->
              new LrSchedule.CosineWithRestarts(warmupSteps(), totalSteps, cycles);
          case "polynomial" -> polynomial(given.number("lr_end", 1e-7));
          case "inverse_sqrt" -> inverseSqrt();
          case "cosine_with_min_lr" -> cosineWithMinLr(given);
          case "warmup_stable_decay" -> warmupStableDecay(given);
          case "piecewise_constant" -> PieceRules.parse(given);
          case "rex" -> new LrSchedule.Rex(warmupSteps(), totalSteps, minLrRatio.orElse(0));
          default -> throw unknownName();
        };
    given.rejectUnknown();
    return schedule;
  }

  /// Flags that are given but play no part in this schedule, one sentence each.
  public List<String> warnings() {
    List<String> warnings = new ArrayList<>();
    if (type.isEmpty()) {
      if (name.equals("cosine") && cycles != 1) {
        warnings.add(
            "--lr_scheduler_num_cycles=%d has no effect with --lr_scheduler=cosine, which always falls once; use cosine_with_restarts for several falls"
                .formatted(cycles));
      }
      if (name.equals("piecewise_constant") && warmupSteps() != 0) {
        warnings.add("--lr_warmup_steps has no effect with --lr_scheduler=piecewise_constant");
      }
      if (decaySteps() != 0 && !name.equals("warmup_stable_decay")) {
        warnings.add("--lr_decay_steps has an effect only with --lr_scheduler=warmup_stable_decay");
      }
      if (power != 1 && !name.equals("polynomial")) {
        warnings.add("--lr_scheduler_power has an effect only with --lr_scheduler=polynomial");
      }
    } else if ((type.endsWith("OneCycleLR") || type.endsWith("CyclicLR"))
        && !Boolean.FALSE.equals(arguments.get("cycle_momentum"))) {
      warnings.add(
          "%s changes only the learning rate here; the optimizer's betas stay as they are (add cycle_momentum=False to --lr_scheduler_args to say so)"
              .formatted(type));
    }
    return warnings;
  }

  private LrSchedule constant() {
    if (warmupSteps() != 0) {
      throw new InputException(
          "--lr_warmup_steps=%s cannot be used with --lr_scheduler=constant; use constant_with_warmup, or drop the warm-up"
              .formatted(warmup));
    }
    return new LrSchedule.Constant();
  }

  private LrSchedule polynomial(double endRate) {
    if (learningRate <= endRate) {
      throw new InputException(
          "--lr_scheduler=polynomial falls to lr_end=%s, which must be below --learning_rate=%s"
              .formatted(endRate, learningRate));
    }
    return new LrSchedule.Polynomial(warmupSteps(), totalSteps, power, learningRate, endRate);
  }

  private LrSchedule inverseSqrt() {
    int scale = timescale.orElse(warmupSteps() == 0 ? 10_000 : warmupSteps());
    if (scale <= 0) {
      throw new InputException("--lr_scheduler_timescale must be at least 1, got " + scale);
    }
    return new LrSchedule.InverseSqrt(warmupSteps(), scale);
  }

  private LrSchedule cosineWithMinLr(KeywordArguments given) {
    OptionalDouble ratio = minLrRatio;
    if (given.has("min_lr")) {
      if (ratio.isPresent()) {
        throw new InputException(
            "--lr_scheduler=cosine_with_min_lr takes either --lr_scheduler_min_lr_ratio or min_lr in --lr_scheduler_args, not both");
      }
      ratio = OptionalDouble.of(given.requiredNumber("min_lr") / learningRate);
    }
    return new LrSchedule.CosineWithMinLr(
        warmupSteps(),
        totalSteps,
        cycles / 2.0,
        ratio.orElseThrow(() ->
            new InputException(
                "--lr_scheduler=cosine_with_min_lr needs --lr_scheduler_min_lr_ratio (such as 0.1)")));
  }

  private LrSchedule warmupStableDecay(KeywordArguments given) {
    return new LrSchedule.WarmupStableDecay(
        warmupSteps(),
        totalSteps - warmupSteps() - decaySteps(),
        decaySteps(),
        ramp(given, "warmup_type", LrSchedule.Ramp.LINEAR),
        ramp(given, "decay_type", LrSchedule.Ramp.COSINE),
        minLrRatio.orElse(0),
        cycles / 2.0);
  }

  private static LrSchedule.Ramp ramp(
      KeywordArguments given, String key, LrSchedule.Ramp fallback) {
    return given
        .text(key)
        .map(text ->
            switch (text) {
              case "linear" -> LrSchedule.Ramp.LINEAR;
              case "cosine" -> LrSchedule.Ramp.COSINE;
              case "1-sqrt" -> LrSchedule.Ramp.ONE_MINUS_SQRT;
              default -> throw given.wrong(key, text, "'linear', 'cosine' or '1-sqrt'");
            })
        .orElse(fallback);
  }

  private InputException unknownName() {
    return switch (name) {
      case "reduce_lr_on_plateau", "cosine_warmup_with_min_lr" ->
          new InputException(
              "--lr_scheduler=%s cannot be used (it does not work in sd-scripts either); use cosine_with_min_lr"
                  .formatted(name));
      case "adafactor" ->
          new InputException(
              "--lr_scheduler=adafactor is set by itself with --optimizer_type=Adafactor and relative_step; it cannot be chosen by hand");
      default ->
          new InputException(
              "--lr_scheduler=%s is not a schedule%s; there are %s"
                  .formatted(
                      name,
                      NearestName.hint(name.toLowerCase(Locale.ROOT), NAMES),
                      String.join(", ", NAMES)));
    };
  }
}
