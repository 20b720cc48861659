package dev.anima.config;

import static dev.anima.config.Checks.check;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// The `--lr_*` flags of the learning-rate schedule.
///
/// @param name `--lr_scheduler`
/// @param type `--lr_scheduler_type`; empty text means `name` counts
/// @param args `--lr_scheduler_args` as Python literals, in order
public record ScheduleConfig(
    String name,
    String type,
    IntOrRatio warmup,
    IntOrRatio decay,
    int cycles,
    double power,
    OptionalInt timescale,
    OptionalDouble minLrRatio,
    Map<String, @Nullable Object> args) {

  public ScheduleConfig {
    args = Collections.unmodifiableMap(new LinkedHashMap<>(args));
    check(warmup.isValid(), "--lr_warmup_steps must be steps or a share from 0 to 100%");
    check(decay.isValid(), "--lr_decay_steps must be steps or a share from 0 to 100%");
  }

  static ScheduleConfig of(Flags flags) {
    return new ScheduleConfig(
        flags.text("lr_scheduler", "constant"),
        flags.text("lr_scheduler_type", ""),
        flags.intOrRatio("lr_warmup_steps"),
        flags.intOrRatio("lr_decay_steps"),
        flags.integer("lr_scheduler_num_cycles"),
        flags.number("lr_scheduler_power"),
        flags.maybeInteger("lr_scheduler_timescale"),
        flags.maybeNumber("lr_scheduler_min_lr_ratio"),
        KeywordLiterals.parse("lr_scheduler_args", flags.texts("lr_scheduler_args")));
  }
}
