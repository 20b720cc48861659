package dev.anima.train.optim;

import static dev.anima.train.optim.OptimizerArguments.betas;
import static dev.anima.train.optim.OptimizerArguments.notNegative;
import static dev.anima.train.optim.OptimizerArguments.only;
import static dev.anima.train.optim.OptimizerArguments.positive;

import dev.anima.train.KeywordArguments;
import java.util.OptionalDouble;

/// `--optimizer_args` of the optimizers that find their own step size.
final class DistanceArguments {
  private static final double FIRST_DISTANCE = 1e-6;

  private DistanceArguments() {}

  static OptimizerConfig prodigy(KeywordArguments given) {
    double[] betas = betas(given, 0.9, 0.999);
    only(given, "fsdp_in_use", false);
    long slice = given.integer("slice_p", 1);
    if (slice < 1) {
      throw given.wrong("slice_p", slice, "at least 1");
    }
    return new OptimizerConfig.Prodigy(
        betas[0],
        betas[1],
        given.number("beta3", Math.sqrt(betas[1])),
        positive(given, "eps", 1e-8),
        given.number("weight_decay", 0),
        given.flag("decouple", true),
        given.flag("use_bias_correction", false),
        given.flag("safeguard_warmup", false),
        positive(given, "d0", FIRST_DISTANCE),
        given.number("d_coef", 1),
        given.number("growth_rate", Double.POSITIVE_INFINITY),
        slice);
  }

  static OptimizerConfig dAdaptAdam(KeywordArguments given, boolean preprint) {
    double[] betas = betas(given, 0.9, 0.999);
    unseen(given);
    only(given, "fsdp_in_use", false);
    return new OptimizerConfig.DAdaptAdam(
        preprint,
        betas[0],
        betas[1],
        positive(given, "eps", 1e-8),
        given.number("weight_decay", 0),
        given.flag("decouple", false),
        !preprint && given.flag("use_bias_correction", false),
        positive(given, "d0", FIRST_DISTANCE),
        given.number("growth_rate", Double.POSITIVE_INFINITY));
  }

  static OptimizerConfig dAdaptAdan(KeywordArguments given, boolean innerProduct) {
    double[] betas = betas(given, 0.98, 0.92, 0.99);
    unseen(given);
    return new OptimizerConfig.DAdaptAdan(
        innerProduct,
        betas[0],
        betas[1],
        betas[2],
        positive(given, "eps", 1e-8),
        given.number("weight_decay", 0.02),
        given.flag("no_prox", false),
        positive(given, "d0", FIRST_DISTANCE),
        given.number("growth_rate", Double.POSITIVE_INFINITY));
  }

  static OptimizerConfig dAdaptAdaGrad(KeywordArguments given) {
    unseen(given);
    return new OptimizerConfig.DAdaptAdaGrad(
        notNegative(given, "momentum", 0),
        positive(given, "eps", 1e-6),
        given.number("weight_decay", 0),
        positive(given, "d0", FIRST_DISTANCE),
        given.number("growth_rate", Double.POSITIVE_INFINITY));
  }

  static OptimizerConfig dAdaptLion(KeywordArguments given) {
    double[] betas = betas(given, 0.9, 0.99);
    unseen(given);
    only(given, "fsdp_in_use", false);
    return new OptimizerConfig.DAdaptLion(
        betas[0], betas[1], given.number("weight_decay", 0), positive(given, "d0", FIRST_DISTANCE));
  }

  static OptimizerConfig dAdaptSgd(KeywordArguments given) {
    unseen(given);
    only(given, "fsdp_in_use", false);
    return new OptimizerConfig.DAdaptSgd(
        given.number("momentum", 0),
        given.number("weight_decay", 0),
        positive(given, "d0", FIRST_DISTANCE),
        given.number("growth_rate", Double.POSITIVE_INFINITY));
  }

  /// How often the package prints; changes no number.
  private static void unseen(KeywordArguments given) {
    given.integer("log_every", 0);
  }

  static OptimizerConfig prodigyPlus(KeywordArguments given) {
    double[] betas = betas(given, 0.9, 0.99);
    only(given, "fused_back_pass", false);
    boolean focus = given.flag("use_focus", false);
    boolean byAngle = given.isNone("eps");
    double epsilon = positive(given, "eps", 1e-8);
    boolean factored = given.flag("factored", true);
    boolean clipped = given.flag("use_stableadamw", true);
    return new OptimizerConfig.ProdigyPlus(
        betas[0],
        betas[1],
        given.number("beta3", Math.sqrt(betas[1])),
        notNegative(given, "weight_decay", 0),
        given.flag("weight_decay_by_lr", true),
        positive(given, "d0", FIRST_DISTANCE),
        given.number("d_coef", 1),
        given.flag("d_limiter", true),
        (long) notNegative(given, "prodigy_steps", 0),
        notNegative(given, "schedulefree_c", 0),
        byAngle ? OptionalDouble.empty() : OptionalDouble.of(epsilon),
        given.flag("split_groups", true),
        given.flag("split_groups_mean", false),
        factored && !focus,
        given.flag("factored_fp32", true),
        given.flag("use_bias_correction", false),
        clipped && !byAngle,
        given.flag("use_schedulefree", true),
        given.flag("use_speed", false),
        given.flag("stochastic_rounding", true),
        direction(given),
        given.flag("use_adopt", false),
        given.flag("use_orthograd", false),
        focus);
  }

  private static OptimizerConfig.ProdigyPlus.Direction direction(KeywordArguments given) {
    boolean cautious = given.flag("use_cautious", false);
    boolean grams = given.flag("use_grams", false);
    if (cautious) { // wins, as in the package
      return OptimizerConfig.ProdigyPlus.Direction.CAUTIOUS;
    }
    return grams
        ? OptimizerConfig.ProdigyPlus.Direction.GRAMS
        : OptimizerConfig.ProdigyPlus.Direction.PLAIN;
  }
}
