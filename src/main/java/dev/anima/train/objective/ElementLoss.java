package dev.anima.train.objective;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;

/// Loss of each element (`--loss_type`).
public sealed interface ElementLoss {
  /// @param prediction,target `(B, C, h, w)` float32
  /// @param timesteps `(B)` as the model was told, 0 to 1
  /// @return `(B, C, h, w)` float32
  Tensor of(Tensor prediction, Tensor target, Tensor timesteps);

  /// `(a - b)^2`
  record L2() implements ElementLoss {
    @Override
    public Tensor of(Tensor prediction, Tensor target, Tensor timesteps) {
      return prediction.sub(target).square();
    }
  }

  /// `|a - b|`
  record L1() implements ElementLoss {
    @Override
    public Tensor of(Tensor prediction, Tensor target, Tensor timesteps) {
      return prediction.sub(target).abs();
    }
  }

  /// Pseudo-Huber, `2 c (sqrt((a - b)^2 + c^2) - c)`: square below c, linear above.
  record Huber(Threshold threshold) implements ElementLoss {
    @Override
    public Tensor of(Tensor prediction, Tensor target, Tensor timesteps) {
      Tensor c = threshold.at(timesteps).view(-1, 1, 1, 1);
      return excess(prediction, target, c).mul(c.mul(2));
    }
  }

  /// `2 (sqrt((a - b)^2 + c^2) - c)`
  record SmoothL1(Threshold threshold) implements ElementLoss {
    @Override
    public Tensor of(Tensor prediction, Tensor target, Tensor timesteps) {
      return excess(prediction, target, threshold.at(timesteps).view(-1, 1, 1, 1)).mul(2);
    }
  }

  private static Tensor excess(Tensor prediction, Tensor target, Tensor c) {
    return prediction.sub(target).square().add(c.square()).sqrt().sub(c);
  }

  /// c of the Huber losses (`--huber_c`, `--huber_scale`, `--huber_schedule`).
  sealed interface Threshold {
    /// `(B)`
    Tensor at(Tensor timesteps);

    record Constant(double c, double scale) implements Threshold {
      @Override
      public Tensor at(Tensor timesteps) {
        return Ops.full(c * scale, Dtype.F32, timesteps.device(), timesteps.numel());
      }
    }

    /// `exp(t / 1000 * ln c) * scale`. The reference passes t on the 0..1 scale, so c stays close
    /// to `scale`, and computes it in their dtype; kept for equal numbers.
    record Exponential(double c, double scale) implements Threshold {
      @Override
      public Tensor at(Tensor timesteps) {
        double decay = -Math.log(c) / TimestepSampling.TIMESTEPS;
        return timesteps.mul(-decay).exp().mul(scale);
      }
    }
  }
}
