package dev.anima.config;

import static dev.anima.config.Checks.check;

import java.util.OptionalDouble;

/// How noise levels and noise are drawn.
///
/// @param sigmoidScale spread of sigmoid, shift and flux_shift sampling
/// @param flowShift shift of shift and sigma sampling
/// @param weighting loss weight, or density of sigma sampling
/// @param ipNoiseGamma share of extra noise in the model's input; empty means none
/// @param ipNoiseRandomStrength draw that share anew between 0 and its value
public record NoiseConfig(
    TimestepSampling sampling,
    double sigmoidScale,
    double flowShift,
    Weighting weighting,
    double logitMean,
    double logitStd,
    double modeScale,
    OptionalDouble ipNoiseGamma,
    boolean ipNoiseRandomStrength) {

  /// `--timestep_sampling`
  public enum TimestepSampling {
    SIGMA,
    UNIFORM,
    SIGMOID,
    SHIFT,
    FLUX_SHIFT
  }

  /// `--weighting_scheme`
  public enum Weighting {
    SIGMA_SQRT,
    LOGIT_NORMAL,
    MODE,
    COSMAP,
    NONE,
    UNIFORM
  }

  public NoiseConfig {
    check(Double.isFinite(sigmoidScale), "--sigmoid_scale must be finite");
    Checks.positive("discrete_flow_shift", flowShift);
    Checks.notNegative("logit_std", logitStd);
    ipNoiseGamma.ifPresent(gamma -> Checks.notNegative("ip_noise_gamma", gamma));
  }

  static NoiseConfig of(Flags flags) {
    double gamma = flags.maybeNumber("ip_noise_gamma").orElse(0);
    return new NoiseConfig(
        Checks.choice(
            TimestepSampling.values(), Checks::lower, flags.text("timestep_sampling", "sigmoid")),
        flags.number("sigmoid_scale"),
        flags.number("discrete_flow_shift"),
        Checks.choice(Weighting.values(), Checks::lower, flags.text("weighting_scheme", "uniform")),
        flags.number("logit_mean"),
        flags.number("logit_std"),
        flags.number("mode_scale"),
        gamma == 0 ? OptionalDouble.empty() : OptionalDouble.of(gamma),
        flags.on("ip_noise_gamma_random_strength"));
  }
}
