package dev.anima.train.schedule;

import java.util.List;

/// The classes of `torch.optim.lr_scheduler` that `--lr_scheduler_type` can name, in closed form.
/// Their lower ends are absolute rates, so they are no mere factors.
public sealed interface TorchSchedule extends LrSchedule {
  /// From the group's rate to `minRate` and back, `halfPeriod` steps each way.
  record CosineAnnealing(double halfPeriod, double minRate) implements TorchSchedule {
    @Override
    public double rateAt(int step, double baseRate) {
      return annealed(baseRate, minRate, step / halfPeriod);
    }
  }

  /// Falls to `minRate`, jumps back up; every period is `growth` times as long as the one before.
  record CosineWarmRestarts(long firstPeriod, long growth, double minRate)
      implements TorchSchedule {
    @Override
    public double rateAt(int step, double baseRate) {
      long inPeriod = step;
      long period = firstPeriod;
      while (inPeriod >= period) {
        inPeriod -= period;
        period *= growth;
      }
      return annealed(baseRate, minRate, (double) inPeriod / period);
    }
  }

  /// Times `gamma` every `stepSize` steps.
  record Stepped(long stepSize, double gamma) implements TorchSchedule {
    @Override
    public double rateAt(int step, double baseRate) {
      return baseRate * Math.pow(gamma, (double) Math.floorDiv(step, stepSize));
    }
  }

  /// Times `gamma` at each milestone.
  record MultiStepped(List<Double> milestones, double gamma) implements TorchSchedule {
    public MultiStepped {
      milestones = List.copyOf(milestones);
    }

    @Override
    public double rateAt(int step, double baseRate) {
      return baseRate
          * Math.pow(gamma, (double) milestones.stream().filter(m -> m <= step).count());
    }
  }

  /// Times `gamma` every step.
  record Exponential(double gamma) implements TorchSchedule {
    @Override
    public double rateAt(int step, double baseRate) {
      return baseRate * Math.pow(gamma, step);
    }
  }

  /// Straight line between two factors over `steps`, then the second.
  record LinearRamp(double startFactor, double endFactor, long steps) implements TorchSchedule {
    @Override
    public double rateAt(int step, double baseRate) {
      return baseRate * (startFactor + (endFactor - startFactor) * Math.min(steps, step) / steps);
    }
  }

  /// `factor` for `steps`, then 1.
  record ConstantThenFull(double factor, long steps) implements TorchSchedule {
    @Override
    public double rateAt(int step, double baseRate) {
      return step < steps ? baseRate * factor : baseRate;
    }
  }

  /// `(1 - step / steps)^power`
  record PolynomialFall(long steps, double power) implements TorchSchedule {
    @Override
    public double rateAt(int step, double baseRate) {
      return baseRate * Math.pow(1 - (double) Math.min(steps, step) / steps, power);
    }
  }

  /// One rise to `maxRate` and a fall far below the start; a group's own rate plays no part.
  ///
  /// @param rise share of `totalSteps` that rises
  /// @param linear straight lines instead of cosines
  /// @param threePhases falls to the start first, then to the end
  record OneCycle(
      double maxRate,
      long totalSteps,
      double rise,
      boolean linear,
      double divFactor,
      double finalDivFactor,
      boolean threePhases)
      implements TorchSchedule {
    @Override
    public double rateAt(int step, double baseRate) {
      double startRate = maxRate / divFactor;
      double endRate = startRate / finalDivFactor;
      double top = rise * totalSteps - 1;
      double last = totalSteps - 1.0;
      if (step <= top) {
        return between(startRate, maxRate, step / top);
      }
      if (!threePhases) {
        return between(maxRate, endRate, (step - top) / (last - top));
      }
      double back = 2 * rise * totalSteps - 2;
      return step <= back
          ? between(maxRate, startRate, (step - top) / (back - top))
          : between(startRate, endRate, (step - back) / (last - back));
    }

    private double between(double from, double to, double progress) {
      return linear ? from + (to - from) * progress : annealed(from, to, progress);
    }
  }

  /// How the peaks of [Cyclic] change.
  enum Peaks {
    EQUAL,
    /// Half as high each time.
    HALVED,
    /// Times `gamma` every step.
    FADING
  }

  /// Up and down between two rates; a group's own rate plays no part.
  record Cyclic(
      double lowest, double highest, double stepsUp, double stepsDown, Peaks peaks, double gamma)
      implements TorchSchedule {
    @Override
    public double rateAt(int step, double baseRate) {
      double length = stepsUp + stepsDown;
      double cycle = Math.floor(1 + step / length);
      double place = 1 + step / length - cycle;
      double rise = stepsUp / length;
      double height = place <= rise ? place / rise : (place - 1) / (rise - 1);
      double share =
          switch (peaks) {
            case EQUAL -> 1;
            case HALVED -> Math.pow(2, 1 - cycle);
            case FADING -> Math.pow(gamma, step);
          };
      return lowest + (highest - lowest) * height * share;
    }
  }

  private static double annealed(double from, double to, double progress) {
    return to + (from - to) * (1 + Math.cos(Math.PI * progress)) / 2;
  }
}
