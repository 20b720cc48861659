package dev.anima.train.optim;

import dev.anima.train.KeywordArguments;
import java.util.OptionalDouble;

/// Reads `--optimizer_args` with the defaults of each optimizer's Python class.
final class OptimizerArguments {
  private static final long MIN_8BIT_SIZE = 4096;

  private OptimizerArguments() {}

  /// @param name an optimizer's usual spelling
  static OptimizerConfig config(String name, KeywordArguments given) {
    return switch (name) {
      case "AdamW" -> adamW(given);
      case "AdamW8bit", "PagedAdamW8bit" -> adamW8bit(given, min8bitSize(given));
      case "PagedAdamW", "PagedAdamW32bit" -> {
        min8bitSize(given);
        yield adamW8bit(given, Long.MAX_VALUE);
      }
      case "Lion" -> lion(given);
      case "Lion8bit", "PagedLion8bit" -> lion8bit(given);
      case "SGDNesterov" -> sgd(given);
      case "SGDNesterov8bit" -> sgd8bit(given);
      case "Adafactor" -> adafactor(given);
      case "Prodigy" -> prodigy(given);
      case "AdamWScheduleFree" -> adamWScheduleFree(given);
      case "RAdamScheduleFree" -> rAdamScheduleFree(given);
      case "SGDScheduleFree" -> sgdScheduleFree(given);
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static OptimizerConfig adamW(KeywordArguments given) {
    double[] betas = betas(given, 0.9, 0.999);
    torchSwitches(given);
    return new OptimizerConfig.AdamW(
        betas[0],
        betas[1],
        notNegative(given, "eps", 1e-8),
        notNegative(given, "weight_decay", 1e-2),
        given.flag("amsgrad", false));
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

  private static OptimizerConfig sgd(KeywordArguments given) {
    torchSwitches(given);
    only(given, "dampening", 0); // Nesterov momentum allows none
    return new OptimizerConfig.Sgd(momentum(given), notNegative(given, "weight_decay", 0));
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

  private static OptimizerConfig prodigy(KeywordArguments given) {
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
        positive(given, "d0", 1e-6),
        given.number("d_coef", 1),
        given.number("growth_rate", Double.POSITIVE_INFINITY),
        slice);
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

  private static double[] betas(KeywordArguments given, double beta1, double beta2) {
    double[] betas = given.numbers("betas", beta1, beta2);
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

  private static void only(KeywordArguments given, String key, boolean... allowed) {
    boolean value = given.flag(key, allowed[0]);
    for (boolean one : allowed) {
      if (value == one) {
        return;
      }
    }
    throw given.wrong(key, value, allowed[0] ? "True" : "False");
  }

  private static void only(KeywordArguments given, String key, long allowed) {
    double value = given.number(key, (double) allowed);
    if (value != allowed) {
      throw given.wrong(key, value, String.valueOf(allowed));
    }
  }

  private static double notNegative(KeywordArguments given, String key, double fallback) {
    double value = given.number(key, fallback);
    if (!(value >= 0)) {
      throw given.wrong(key, value, "0 or more");
    }
    return value;
  }

  private static double positive(KeywordArguments given, String key, double fallback) {
    double value = given.number(key, fallback);
    if (!(value > 0)) {
      throw given.wrong(key, value, "a number above 0");
    }
    return value;
  }
}
