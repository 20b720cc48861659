package dev.anima.config;

import static dev.anima.config.Checks.check;

/// The loss between prediction and target.
///
/// @param threshold of huber and smooth_l1 with the constant schedule: `huber_c * huber_scale`
/// @param masked masks from their own folders count
/// @param priorLossWeight weight of regularisation images
public record LossConfig(Type type, double threshold, boolean masked, double priorLossWeight) {
  /// `--loss_type`
  public enum Type {
    L1,
    L2,
    HUBER,
    SMOOTH_L1
  }

  public LossConfig {
    check(
        threshold > 0 || type == Type.L1 || type == Type.L2,
        "--huber_c times --huber_scale must be above 0");
    Checks.notNegative("prior_loss_weight", priorLossWeight);
  }

  static LossConfig of(Flags flags) {
    Type type = Checks.choice(Type.values(), Checks::lower, flags.text("loss_type", "l2"));
    String schedule = flags.text("huber_schedule", "");
    check(
        type == Type.L1 || type == Type.L2 || !schedule.equals("snr"),
        "--loss_type=%s with --huber_schedule=%s%s is not defined for Anima\n  -> add --huber_schedule=constant"
            .formatted(
                Checks.lower(type),
                schedule,
                flags.given("huber_schedule") ? "" : " (the default)"));
    return new LossConfig(
        type,
        flags.number("huber_c") * flags.number("huber_scale"),
        flags.on("masked_loss"),
        flags.number("prior_loss_weight"));
  }
}
