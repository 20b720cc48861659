package dev.anima.train;

import dev.anima.config.Flags;
import dev.anima.config.IntOrRatio;
import dev.anima.config.OptimizerFlags;
import dev.anima.config.ScheduleConfig;
import dev.anima.config.TrainConfig;
import dev.anima.train.objective.NoiseOptions;
import dev.anima.train.objective.ObjectiveFlags;
import dev.anima.train.optim.WeightRounding;
import dev.anima.train.schedule.ScheduleFlags;

/// A run's flags in the form of the rooms that obey them.
public final class RunRules {
  private RunRules() {}

  /// What the schedule is made from.
  ///
  /// @param totalSteps of the schedule
  public static ScheduleFlags schedule(TrainConfig config, int totalSteps) {
    ScheduleConfig flags = config.schedule();
    return new ScheduleFlags(
        flags.name(),
        flags.type(),
        number(flags.warmup()),
        number(flags.decay()),
        totalSteps,
        flags.cycles(),
        flags.power(),
        flags.timescale(),
        flags.minLrRatio(),
        flags.args(),
        config.optimizer().learningRate());
  }

  private static Number number(IntOrRatio value) {
    return switch (value) {
      case IntOrRatio.Steps(int steps) -> steps;
      case IntOrRatio.Ratio(double ratio) -> ratio;
    };
  }

  /// What noise and loss are made from.
  public static ObjectiveFlags objective(Flags flags) {
    return new ObjectiveFlags(
        flags.text("timestep_sampling", "sigmoid"),
        flags.number("sigmoid_scale"),
        flags.number("discrete_flow_shift"),
        flags.text("weighting_scheme", "uniform"),
        flags.number("logit_mean"),
        flags.number("logit_std"),
        flags.number("mode_scale"),
        flags.text("loss_type", "l2"),
        flags.text("huber_schedule", "snr"),
        flags.number("huber_c"),
        flags.number("huber_scale"),
        flags.maybeNumber("ip_noise_gamma").orElse(0),
        flags.on("ip_noise_gamma_random_strength"),
        flags.maybeInteger("min_timestep"),
        flags.maybeInteger("max_timestep"),
        flags.on("apply_timestep_range"),
        flags.on("apply_noise_options") ? noiseOptions(flags) : NoiseOptions.NONE);
  }

  private static NoiseOptions noiseOptions(Flags flags) {
    return new NoiseOptions(
        flags.maybeNumber("noise_offset").orElse(0),
        flags.on("noise_offset_random_strength"),
        flags.maybeNumber("adaptive_noise_scale"),
        flags.maybeInteger("multires_noise_iterations").orElse(0),
        flags.number("multires_noise_discount"));
  }

  static WeightRounding rounding(OptimizerFlags.Rounding rounding) {
    return switch (rounding) {
      case NEAREST -> WeightRounding.NEAREST;
      case STOCHASTIC -> WeightRounding.STOCHASTIC;
      case KAHAN -> WeightRounding.KAHAN;
    };
  }

  /// Rows of pixels that the VAE takes at a time, 0 for all.
  public static int vaeChunk(Flags flags) {
    return Math.max(0, flags.maybeInteger("vae_chunk_size").orElse(0));
  }
}
