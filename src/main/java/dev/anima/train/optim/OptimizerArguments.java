package dev.anima.train.optim;

import dev.anima.train.KeywordArguments;
import java.util.OptionalDouble;

/// Reads `--optimizer_args` with the defaults of each optimizer's Python class.
final class OptimizerArguments {
  private static final long MIN_8BIT_SIZE = 4096;

  private OptimizerArguments() {}

  static OptimizerConfig config(OptimizerNames name, KeywordArguments given) {
    return switch (name) {
      case ADAMW -> adamW(given, 1e-2, true);
      case ADAM -> adamW(given, 0, given.flag("decoupled_weight_decay", false));
      case ADAMW_8BIT, PAGED_ADAMW_8BIT -> adamW8bit(given, min8bitSize(given));
      case PAGED_ADAMW, PAGED_ADAMW_32BIT -> {
        min8bitSize(given);
        yield adamW8bit(given, Long.MAX_VALUE);
      }
      case LION -> lion(given);
      case LION_8BIT, PAGED_LION_8BIT -> lion8bit(given);
      case SGD_NESTEROV -> sgdNesterov(given);
      case SGD -> sgd(given);
      case SGD_NESTEROV_8BIT -> sgd8bit(given);
      case ADAFACTOR -> adafactor(given);
      case CAME -> came(given);
      case MUON -> muon(given);
      case PRODIGY -> DistanceArguments.prodigy(given);
      case PRODIGY_PLUS -> DistanceArguments.prodigyPlus(given);
      case DADAPT_ADAM_PREPRINT -> DistanceArguments.dAdaptAdam(given, true);
      case DADAPT_ADAM -> DistanceArguments.dAdaptAdam(given, false);
      case DADAPT_ADAGRAD -> DistanceArguments.dAdaptAdaGrad(given);
      case DADAPT_ADAN -> DistanceArguments.dAdaptAdan(given, false);
      case DADAPT_ADAN_IP -> DistanceArguments.dAdaptAdan(given, true);
      case DADAPT_LION -> DistanceArguments.dAdaptLion(given);
      case DADAPT_SGD -> DistanceArguments.dAdaptSgd(given);
      case ADAMW_SCHEDULE_FREE -> adamWScheduleFree(given);
      case RADAM_SCHEDULE_FREE -> rAdamScheduleFree(given);
      case SGD_SCHEDULE_FREE -> sgdScheduleFree(given);
    };
  }

  private static OptimizerConfig adamW(
      KeywordArguments given, double weightDecay, boolean decoupled) {
    double[] betas = betas(given, 0.9, 0.999);
    torchSwitches(given);
    return new OptimizerConfig.AdamW(
        betas[0],
        betas[1],
        notNegative(given, "eps", 1e-8),
        notNegative(given, "weight_decay", weightDecay),
        given.flag("amsgrad", false),
        decoupled);
  }

  private static OptimizerConfig adamW8bit(KeywordArguments given, long min8bitSize) {
    double[] betas = betas(given, 0.9, 0.999);
    only(given, "amsgrad", false);
    return new OptimizerConfig.AdamW8bit(
        betas[0],
        betas[1],
        notNegative(given, "eps", 1e-8),
        notNegative(given, "weight_decay", 1e-2),
        min8bitSize);
  }

  private static OptimizerConfig lion(KeywordArguments given) {
    double[] betas = betas(given, 0.9, 0.99);
    given.flag("use_triton", false); // another way to the same numbers
    return new OptimizerConfig.Lion(
        betas[0],
        betas[1],
        given.number("weight_decay", 0),
        given.flag("decoupled_weight_decay", false));
  }

  private static OptimizerConfig lion8bit(KeywordArguments given) {
    double[] betas = betas(given, 0.9, 0.99);
    return new OptimizerConfig.Lion8bit(
        betas[0], betas[1], notNegative(given, "weight_decay", 0), min8bitSize(given));
  }

  private static OptimizerConfig sgdNesterov(KeywordArguments given) {
    torchSwitches(given);
    only(given, "dampening", 0); // Nesterov momentum allows none
    return new OptimizerConfig.Sgd(momentum(given), 0, notNegative(given, "weight_decay", 0), true);
  }

  private static OptimizerConfig sgd(KeywordArguments given) {
    torchSwitches(given);
    double momentum = notNegative(given, "momentum", 0);
    double dampening = given.number("dampening", 0);
    boolean nesterov = given.flag("nesterov", false);
    if (nesterov && (momentum == 0 || dampening != 0)) {
      throw given.wrong("nesterov", true, "momentum above 0 and no dampening with it");
    }
    return new OptimizerConfig.Sgd(
        momentum, dampening, notNegative(given, "weight_decay", 0), nesterov);
  }

  private static OptimizerConfig sgd8bit(KeywordArguments given) {
    given.number("dampening", 0); // the kernel reads none
    return new OptimizerConfig.Sgd8bit(
        momentum(given), notNegative(given, "weight_decay", 0), min8bitSize(given));
  }

  private static double momentum(KeywordArguments given) {
    double momentum = given.requiredNumber("momentum");
    if (momentum <= 0) {
      throw given.wrong("momentum", momentum, "a number above 0");
    }
    return momentum;
  }

  private static OptimizerConfig adafactor(KeywordArguments given) {
    double[] epsilons = given.numbers("eps", 1e-30, 1e-3);
    return new OptimizerConfig.Adafactor(
        epsilons[0],
        epsilons[1],
        given.number("clip_threshold", 1),
        given.number("decay_rate", -0.8),
        given.number("beta1").map(OptionalDouble::of).orElse(OptionalDouble.empty()),
        given.number("weight_decay", 0),
        given.flag("scale_parameter", true),
        given.flag("relative_step", true),
        given.flag("warmup_init", false));
  }

  private static OptimizerConfig came(KeywordArguments given) {
    double[] betas = betas(given, 0.9, 0.999, 0.9999);
    double[] epsilons = given.numbers("eps", 1e-30, 1e-16);
    return new OptimizerConfig.Came(
        betas[0],
        betas[1],
        betas[2],
        epsilons[0],
        epsilons[1],
        positive(given, "clip_threshold", 1),
        given.number("weight_decay", 0));
  }

  private static OptimizerConfig muon(KeywordArguments given) {
    double weightDecay = notNegative(given, "weight_decay", 0.1);
    double[] coefficients = given.numbers("ns_coefficients", 3.4445, -4.7750, 2.0315);
    long steps = given.integer("ns_steps", 5);
    if (steps < 0 || steps >= 100) {
      throw given.wrong("ns_steps", steps, "0 to 99");
    }
    return new OptimizerConfig.Muon(
        notNegative(given, "momentum", 0.95),
        given.flag("nesterov", true),
        weightDecay,
        coefficients[0],
        coefficients[1],
        coefficients[2],
        positive(given, "eps", 1e-7),
        steps,
        given
            .text("adjust_lr_fn")
            .map(text ->
                switch (text) {
                  case "original" -> OptimizerConfig.Muon.RateAdjustment.ORIGINAL;
                  case "match_rms_adamw" -> OptimizerConfig.Muon.RateAdjustment.MATCH_RMS_ADAMW;
                  default ->
                      throw given.wrong("adjust_lr_fn", text, "'original' or 'match_rms_adamw'");
                })
            .orElse(OptimizerConfig.Muon.RateAdjustment.ORIGINAL),
        new OptimizerConfig.AdamW(0.9, 0.999, 1e-8, weightDecay, false, true));
  }

  private static OptimizerConfig adamWScheduleFree(KeywordArguments given) {
    double[] betas = betas(given, 0.9, 0.999);
    given.flag("foreach", true);
    return new OptimizerConfig.AdamWScheduleFree(
        interpolation(given, "betas", betas[0]),
        betas[1],
        given.number("eps", 1e-8),
        given.number("weight_decay", 0),
        given.integer("warmup_steps", 0),
        given.number("r", 0),
        given.number("weight_lr_power", 2));
  }

  private static OptimizerConfig rAdamScheduleFree(KeywordArguments given) {
    double[] betas = betas(given, 0.9, 0.999);
    given.flag("foreach", true);
    return new OptimizerConfig.RAdamScheduleFree(
        interpolation(given, "betas", betas[0]),
        betas[1],
        given.number("eps", 1e-8),
        given.number("weight_decay", 0),
        given.number("r", 0),
        given.number("weight_lr_power", 2),
        given.flag("silent_sgd_phase", true));
  }

  private static OptimizerConfig sgdScheduleFree(KeywordArguments given) {
    given.flag("foreach", true);
    return new OptimizerConfig.SgdScheduleFree(
        interpolation(given, "momentum", given.number("momentum", 0.9)),
        notNegative(given, "weight_decay", 0),
        given.integer("warmup_steps", 0),
        given.number("r", 0),
        given.number("weight_lr_power", 2));
  }

  static double[] betas(KeywordArguments given, double... fallback) {
    double[] betas = given.numbers("betas", fallback);
    for (double beta : betas) {
      if (!(beta >= 0 && beta < 1)) {
        throw given.wrong("betas", beta, "numbers from 0 to below 1");
      }
    }
    return betas;
  }

  /// Half-way house between the fast and the averaged values: 0 would never look at the average.
  private static double interpolation(KeywordArguments given, String key, double value) {
    if (!(value > 0 && value < 1)) {
      throw given.wrong(key, value, "a number between 0 and 1");
    }
    return value;
  }

  private static long min8bitSize(KeywordArguments given) {
    only(given, "is_paged", true, false);
    only(given, "block_wise", true); // arguments of older versions, at the value they came to have
    only(given, "percentile_clipping", 100);
    only(given, "optim_bits", 32);
    return given.integer("min_8bit_size", MIN_8BIT_SIZE);
  }

  /// Ways of computing in torch that change no number, and one that would.
  private static void torchSwitches(KeywordArguments given) {
    for (String key : new String[] {"foreach", "fused", "capturable", "differentiable"}) {
      given.flag(key, false);
    }
    only(given, "maximize", false);
  }

  static void only(KeywordArguments given, String key, boolean... allowed) {
    boolean value = given.flag(key, allowed[0]);
    for (boolean one : allowed) {
      if (value == one) {
        return;
      }
    }
    throw given.wrong(key, value, allowed[0] ? "True" : "False");
  }

  static void only(KeywordArguments given, String key, long allowed) {
    double value = given.number(key, (double) allowed);
    if (value != allowed) {
      throw given.wrong(key, value, String.valueOf(allowed));
    }
  }

  static double notNegative(KeywordArguments given, String key, double fallback) {
    double value = given.number(key, fallback);
    if (!(value >= 0)) {
      throw given.wrong(key, value, "0 or more");
    }
    return value;
  }

  static double positive(KeywordArguments given, String key, double fallback) {
    double value = given.number(key, fallback);
    if (!(value > 0)) {
      throw given.wrong(key, value, "a number above 0");
    }
    return value;
  }
}
