package dev.anima.train.objective;

import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// The flags on timesteps, noise and loss as typed, and the [Objective] they mean.
///
/// @param minTimestep,maxTimestep left out of the objective unless `applyRange`
/// @param applyRange obey the range (the reference does not)
/// @param noiseOptions [NoiseOptions#NONE] unless `--apply_noise_options`
public record ObjectiveFlags(
    String timestepSampling,
    double sigmoidScale,
    double discreteFlowShift,
    String weightingScheme,
    double logitMean,
    double logitStd,
    double modeScale,
    String lossType,
    String huberSchedule,
    double huberC,
    double huberScale,
    double ipNoiseGamma,
    boolean ipNoiseGammaRandomStrength,
    OptionalInt minTimestep,
    OptionalInt maxTimestep,
    boolean applyRange,
    NoiseOptions noiseOptions) {

  /// The command line's defaults.
  public static final ObjectiveFlags DEFAULTS =
      new ObjectiveFlags(
          "sigmoid",
          1,
          1,
          "uniform",
          0,
          1,
          1.29,
          "l2",
          "snr",
          0.1,
          1,
          0,
          false,
          OptionalInt.empty(),
          OptionalInt.empty(),
          false,
          NoiseOptions.NONE);

  /// @throws InputException for an unknown name, and for a Huber loss without a usable schedule
  public Objective objective() {
    return new Objective(
        sampling(),
        weighting(),
        elementLoss(),
        noiseOptions,
        new IpNoise(ipNoiseGamma, ipNoiseGammaRandomStrength),
        range());
  }

  /// Flags that are given but play no part, or not the part one would expect, one sentence each.
  public List<String> warnings() {
    List<String> warnings = new ArrayList<>();
    boolean table = timestepSampling.equals("sigma");
    if (discreteFlowShift != 1 && !table && !timestepSampling.equals("shift")) {
      warnings.add(
          "--discrete_flow_shift has no effect with --timestep_sampling=%s, only with shift and sigma"
              .formatted(timestepSampling));
    }
    if (!table && (weightingScheme.equals("logit_normal") || weightingScheme.equals("mode"))) {
      warnings.add(
          "--weighting_scheme=%s has an effect only with --timestep_sampling=sigma"
              .formatted(weightingScheme));
    }
    if ((lossType.equals("huber") || lossType.equals("smooth_l1"))
        && huberSchedule.equals("exponential")) {
      warnings.add(
          "--huber_schedule=exponential keeps the threshold close to --huber_scale=%s for this model; use constant to have --huber_c obeyed"
              .formatted(huberScale));
    }
    if (!applyRange && (minTimestep.isPresent() || maxTimestep.isPresent())) {
      warnings.add(
          "--min_timestep and --max_timestep do not limit training, as in sd-scripts: they are only written to the metadata (add --apply_timestep_range to obey them)");
    }
    return warnings;
  }

  private Optional<TimestepRange> range() {
    if (!applyRange || (minTimestep.isEmpty() && maxTimestep.isEmpty())) {
      return Optional.empty();
    }
    return Optional.of(
        new TimestepRange(minTimestep.orElse(0), maxTimestep.orElse(TimestepSampling.TIMESTEPS)));
  }

  private TimestepSampling sampling() {
    return switch (timestepSampling) {
      case "uniform" -> new TimestepSampling.Uniform();
      case "sigmoid" -> new TimestepSampling.Sigmoid(sigmoidScale);
      case "shift" -> new TimestepSampling.Shift(sigmoidScale, discreteFlowShift);
      case "flux_shift" -> new TimestepSampling.FluxShift(sigmoidScale);
      case "sigma" -> new TimestepSampling.Table(discreteFlowShift, density());
      default ->
          throw unknown(
              "--timestep_sampling",
              timestepSampling,
              List.of("sigma", "uniform", "sigmoid", "shift", "flux_shift"));
    };
  }

  private TimestepSampling.Density density() {
    return switch (weightingScheme) {
      case "logit_normal" -> new TimestepSampling.Density.LogitNormal(logitMean, logitStd);
      case "mode" -> new TimestepSampling.Density.Mode(modeScale);
      default -> new TimestepSampling.Density.Even();
    };
  }

  private Weighting weighting() {
    return switch (weightingScheme) {
      case "sigma_sqrt" -> Weighting.SIGMA_SQRT;
      case "cosmap" -> Weighting.COSMAP;
      case "none", "uniform", "logit_normal", "mode" -> Weighting.NONE;
      default ->
          throw unknown(
              "--weighting_scheme",
              weightingScheme,
              List.of("sigma_sqrt", "logit_normal", "mode", "cosmap", "none", "uniform"));
    };
  }

  private ElementLoss elementLoss() {
    return switch (lossType) {
      case "l1" -> new ElementLoss.L1();
      case "l2" -> new ElementLoss.L2();
      case "huber" -> new ElementLoss.Huber(threshold());
      case "smooth_l1" -> new ElementLoss.SmoothL1(threshold());
      default -> throw unknown("--loss_type", lossType, List.of("l1", "l2", "huber", "smooth_l1"));
    };
  }

  private ElementLoss.Threshold threshold() {
    return switch (huberSchedule) {
      case "constant" -> new ElementLoss.Threshold.Constant(huberC, huberScale);
      case "exponential" -> {
        if (!(huberC > 0)) {
          throw new InputException(
              "--huber_c must be above 0 with --huber_schedule=exponential, got " + huberC);
        }
        yield new ElementLoss.Threshold.Exponential(huberC, huberScale);
      }
      case "snr" ->
          throw new InputException(
              "--huber_schedule=snr (the default) does not exist for this model; add --huber_schedule=constant to --loss_type=%s"
                  .formatted(lossType));
      default ->
          throw unknown(
              "--huber_schedule", huberSchedule, List.of("constant", "exponential", "snr"));
    };
  }

  private static InputException unknown(String flag, String value, List<String> names) {
    return new InputException(
        "%s=%s is not known%s; there are %s"
            .formatted(flag, value, NearestName.hint(value, names), String.join(", ", names)));
  }
}
