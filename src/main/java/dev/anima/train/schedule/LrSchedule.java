package dev.anima.train.schedule;

import java.util.List;

/// The learning rate at every step. Names and formulas are those of `--lr_scheduler` (transformers'
/// and diffusers' schedules); [TorchSchedule] holds the classes of `torch.optim.lr_scheduler`.
///
/// `step` counts the scheduler's steps from 0: optimizer steps times the number of processes. The
/// first optimizer step uses step 0, so with a warm-up its rate is 0.
public sealed interface LrSchedule permits LrSchedule.Factor, TorchSchedule {
  /// Learning rate of a group whose own rate is `baseRate`.
  double rateAt(int step, double baseRate);

  /// A schedule that multiplies each group's own rate.
  sealed interface Factor extends LrSchedule {
    /// Factor on every group's own learning rate.
    double multiplierAt(int step);

    @Override
    default double rateAt(int step, double baseRate) {
      return baseRate * multiplierAt(step);
    }
  }

  /// The same rate throughout.
  record Constant() implements Factor {
    @Override
    public double multiplierAt(int step) {
      return 1;
    }
  }

  /// Rises from 0 in `warmupSteps`, then stays.
  record ConstantWithWarmup(int warmupSteps) implements Factor {
    @Override
    public double multiplierAt(int step) {
      return step < warmupSteps ? warmup(step, warmupSteps) : 1;
    }
  }

  /// Falls in a straight line to 0 at `totalSteps`.
  record Linear(int warmupSteps, int totalSteps) implements Factor {
    @Override
    public double multiplierAt(int step) {
      return step < warmupSteps
          ? warmup(step, warmupSteps)
          : Math.max(0, (double) (totalSteps - step) / Math.max(1, totalSteps - warmupSteps));
    }
  }

  /// Falls along a cosine; half a wave ends at 0.
  record Cosine(int warmupSteps, int totalSteps, double waves) implements Factor {
    @Override
    public double multiplierAt(int step) {
      return step < warmupSteps
          ? warmup(step, warmupSteps)
          : Math.max(0, cosine(waves, progress(step, warmupSteps, totalSteps)));
    }
  }

  /// `cycles` half waves, each from 1 to 0.
  record CosineWithRestarts(int warmupSteps, int totalSteps, double cycles) implements Factor {
    @Override
    public double multiplierAt(int step) {
      if (step < warmupSteps) {
        return warmup(step, warmupSteps);
      }
      double progress = progress(step, warmupSteps, totalSteps);
      return progress >= 1
          ? 0
          : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (cycles * progress % 1.0))));
    }
  }

  /// Falls along `(1 - progress)^power` to `endRate`.
  ///
  /// @param startRate `--learning_rate`, whatever rate a group has: the factor is the same for all
  record Polynomial(int warmupSteps, int totalSteps, double power, double startRate, double endRate)
      implements Factor {
    @Override
    public double multiplierAt(int step) {
      if (step < warmupSteps) {
        return warmup(step, warmupSteps);
      }
      if (step > totalSteps) {
        return endRate / startRate;
      }
      int decaySteps = totalSteps - warmupSteps;
      // The reference divides by zero when the warm-up ends exactly with the run; the fall is over
      // then.
      double remaining = decaySteps == 0 ? 0 : 1 - (double) (step - warmupSteps) / decaySteps;
      return ((startRate - endRate) * Math.pow(remaining, power) + endRate) / startRate;
    }
  }

  /// Falls as one over the root of the step.
  record InverseSqrt(int warmupSteps, int timescale) implements Factor {
    @Override
    public double multiplierAt(int step) {
      return step < warmupSteps
          ? warmup(step, warmupSteps)
          : 1 / Math.sqrt((double) (step + timescale - warmupSteps) / timescale);
    }
  }

  /// A cosine that ends at `minRatio` instead of 0.
  record CosineWithMinLr(int warmupSteps, int totalSteps, double waves, double minRatio)
      implements Factor {
    @Override
    public double multiplierAt(int step) {
      return step < warmupSteps
          ? warmup(step, warmupSteps)
          : Math.max(0, above(minRatio, cosine(waves, progress(step, warmupSteps, totalSteps))));
    }
  }

  /// Falls slowly at first and fast at the end (Chen et al. 2022, "REX"), to `minRatio`. Not in the
  /// reference.
  record Rex(int warmupSteps, int totalSteps, double minRatio) implements Factor {
    @Override
    public double multiplierAt(int step) {
      if (step < warmupSteps) {
        return warmup(step, warmupSteps);
      }
      double progress = Math.min(1, progress(step, warmupSteps, totalSteps));
      return above(minRatio, (1 - progress) / (1 - progress / 2));
    }
  }

  /// Shapes of the rising and falling parts of [WarmupStableDecay].
  enum Ramp {
    LINEAR,
    COSINE,
    ONE_MINUS_SQRT
  }

  /// Rises, stays, falls; starts and ends at `minRatio`.
  record WarmupStableDecay(
      int warmupSteps,
      int stableSteps,
      int decaySteps,
      Ramp warmupRamp,
      Ramp decayRamp,
      double minRatio,
      double waves)
      implements Factor {
    @Override
    public double multiplierAt(int step) {
      if (step < warmupSteps) {
        double progress = (double) step / Math.max(1, warmupSteps);
        double rise =
            switch (warmupRamp) {
              case LINEAR -> progress;
              case COSINE -> 0.5 * (1 - Math.cos(Math.PI * progress));
              case ONE_MINUS_SQRT -> 1 - Math.sqrt(1 - progress);
            };
        return Math.max(0, above(minRatio, rise));
      }
      int decayStep = step - warmupSteps - stableSteps;
      if (decayStep < 0) {
        return 1;
      }
      if (decayStep >= decaySteps) {
        return minRatio;
      }
      double progress = (double) decayStep / Math.max(1, decaySteps);
      double fall =
          switch (decayRamp) {
            case LINEAR -> 1 - progress;
            case COSINE -> cosine(waves, progress);
            case ONE_MINUS_SQRT -> 1 - Math.sqrt(progress);
          };
      return Math.max(0, above(minRatio, fall));
    }
  }

  /// Fixed factors between given steps.
  record PiecewiseConstant(List<Piece> pieces, double last) implements Factor {
    /// `multiplier` holds for steps below `endStep`.
    public record Piece(double multiplier, int endStep) {}

    public PiecewiseConstant {
      pieces = List.copyOf(pieces);
    }

    @Override
    public double multiplierAt(int step) {
      for (Piece piece : pieces) {
        if (step < piece.endStep()) {
          return piece.multiplier();
        }
      }
      return last;
    }
  }

  private static double warmup(int step, int warmupSteps) {
    return (double) step / Math.max(1, warmupSteps);
  }

  private static double progress(int step, int warmupSteps, int totalSteps) {
    return (double) (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  }

  private static double cosine(double waves, double progress) {
    return 0.5 * (1 + Math.cos(Math.PI * waves * 2 * progress));
  }

  private static double above(double minRatio, double factor) {
    return factor * (1 - minRatio) + minRatio;
  }
}
