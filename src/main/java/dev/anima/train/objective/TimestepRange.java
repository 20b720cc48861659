package dev.anima.train.objective;

import dev.anima.engine.Tensor;
import dev.anima.io.InputException;

/// `--min_timestep` and `--max_timestep`, 0 to 1000: sigmas are pressed into this range in a
/// straight line, after all shifts. The draws stay the same in number and order.
///
/// The reference only writes these flags into the metadata; `--apply_timestep_range` makes them
/// act.
public record TimestepRange(int min, int max) {
  static final TimestepRange WHOLE = new TimestepRange(0, TimestepSampling.TIMESTEPS);

  public TimestepRange {
    if (min < 0 || max > TimestepSampling.TIMESTEPS || min >= max) {
      throw new InputException(
          "--min_timestep=%d and --max_timestep=%d are no range within 0 to 1000"
              .formatted(min, max));
    }
  }

  private double low() {
    return (double) min / TimestepSampling.TIMESTEPS;
  }

  private double high() {
    return (double) max / TimestepSampling.TIMESTEPS;
  }

  Tensor limit(Tensor sigmas) {
    return sigmas.mul(high() - low()).add(low());
  }

  /// What lies outside comes to the nearest end.
  Tensor cut(Tensor sigmas) {
    return sigmas.clamp(low(), high());
  }
}
