package dev.anima.train.schedule;

import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import dev.anima.train.KeywordArguments;
import java.util.List;

/// From `--lr_scheduler_type` and its arguments to a [TorchSchedule]. Names and defaults are those
/// of `torch.optim.lr_scheduler`.
final class TorchScheduleNames {
  private static final String MODULE = "torch.optim.lr_scheduler.";
  private static final List<String> NAMES =
      List.of(
          "CosineAnnealingLR",
          "CosineAnnealingWarmRestarts",
          "StepLR",
          "MultiStepLR",
          "ExponentialLR",
          "LinearLR",
          "ConstantLR",
          "PolynomialLR",
          "OneCycleLR",
          "CyclicLR");

  private TorchScheduleNames() {}

  static LrSchedule create(ScheduleFlags flags) {
    String name =
        flags.type().startsWith(MODULE) ? flags.type().substring(MODULE.length()) : flags.type();
    KeywordArguments given = new KeywordArguments("--lr_scheduler_args", name, flags.arguments());
    TorchSchedule schedule =
        switch (name) {
          case "CosineAnnealingLR" ->
              new TorchSchedule.CosineAnnealing(
                  given.requiredNumber("T_max"), given.number("eta_min", 0));
          case "CosineAnnealingWarmRestarts" ->
              new TorchSchedule.CosineWarmRestarts(
                  positive(given, "T_0", given.requiredInteger("T_0")),
                  positive(given, "T_mult", given.integer("T_mult", 1)),
                  given.number("eta_min", 0));
          case "StepLR" ->
              new TorchSchedule.Stepped(
                  positive(given, "step_size", given.requiredInteger("step_size")),
                  given.number("gamma", 0.1));
          case "MultiStepLR" ->
              new TorchSchedule.MultiStepped(
                  given.requiredNumbers("milestones"), given.number("gamma", 0.1));
          case "ExponentialLR" -> new TorchSchedule.Exponential(given.requiredNumber("gamma"));
          case "LinearLR" ->
              new TorchSchedule.LinearRamp(
                  given.number("start_factor", 1.0 / 3),
                  given.number("end_factor", 1),
                  positive(given, "total_iters", given.integer("total_iters", 5)));
          case "ConstantLR" ->
              new TorchSchedule.ConstantThenFull(
                  given.number("factor", 1.0 / 3), given.integer("total_iters", 5));
          case "PolynomialLR" ->
              new TorchSchedule.PolynomialFall(
                  positive(given, "total_iters", given.integer("total_iters", 5)),
                  given.number("power", 1));
          case "OneCycleLR" -> oneCycle(flags, given);
          case "CyclicLR" -> cyclic(given);
          default ->
              throw new InputException(
                  "--lr_scheduler_type=%s is not supported%s; there are %s"
                      .formatted(
                          flags.type(), NearestName.hint(name, NAMES), String.join(", ", NAMES)));
        };
    given.rejectUnknown();
    if (flags.warmupSteps() != 0) {
      throw new InputException(
          "--lr_warmup_steps=%s cannot be used with --lr_scheduler_type=%s; drop the warm-up"
              .formatted(flags.warmup(), flags.type()));
    }
    return schedule;
  }

  private static TorchSchedule oneCycle(ScheduleFlags flags, KeywordArguments given) {
    long total =
        given.has("total_steps")
            ? given.requiredInteger("total_steps")
            : given.requiredInteger("epochs") * given.requiredInteger("steps_per_epoch");
    if (total < flags.totalSteps()) {
      throw given.wrong(
          "total_steps", total, "at least the " + flags.totalSteps() + " steps of the run");
    }
    momentum(given);
    boolean linear =
        given
            .text("anneal_strategy")
            .map(text ->
                switch (text) {
                  case "cos" -> false;
                  case "linear" -> true;
                  default -> throw given.wrong("anneal_strategy", text, "'cos' or 'linear'");
                })
            .orElse(false);
    return new TorchSchedule.OneCycle(
        given.requiredNumber("max_lr"),
        total,
        given.number("pct_start", 0.3),
        linear,
        given.number("div_factor", 25),
        given.number("final_div_factor", 1e4),
        given.flag("three_phase", false));
  }

  private static TorchSchedule cyclic(KeywordArguments given) {
    momentum(given);
    long up = positive(given, "step_size_up", given.integer("step_size_up", 2000));
    return new TorchSchedule.Cyclic(
        given.requiredNumber("base_lr"),
        given.requiredNumber("max_lr"),
        up,
        positive(given, "step_size_down", given.integer("step_size_down", up)),
        given
            .text("mode")
            .map(text ->
                switch (text) {
                  case "triangular" -> TorchSchedule.Peaks.EQUAL;
                  case "triangular2" -> TorchSchedule.Peaks.HALVED;
                  case "exp_range" -> TorchSchedule.Peaks.FADING;
                  default ->
                      throw given.wrong("mode", text, "'triangular', 'triangular2' or 'exp_range'");
                })
            .orElse(TorchSchedule.Peaks.EQUAL),
        given.number("gamma", 1));
  }

  /// Named so that they are accepted; the momentum they steer stays as it is (see warnings()).
  private static void momentum(KeywordArguments given) {
    given.flag("cycle_momentum", true);
    given.number("base_momentum", 0.85);
    given.number("max_momentum", 0.95);
  }

  private static long positive(KeywordArguments given, String key, long value) {
    if (value < 1) {
      throw given.wrong(key, value, "at least 1");
    }
    return value;
  }
}
