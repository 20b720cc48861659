package dev.anima.train.optim;

import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.Map;

/// D-Adaptation's estimate d of the distance to the solution (Defazio and Mishchenko 2023), which
/// stands for the step size and only grows, with what is carried from update to update to find it.
final class DistanceEstimate {
  private static final String NAME = "distance";

  private final double growthRate;
  private double d;
  private double carried;

  /// @param growthRate largest growth of d in one update
  DistanceEstimate(double d0, double growthRate) {
    this.growthRate = growthRate;
    d = d0;
  }

  double d() {
    return d;
  }

  /// A running sum that belongs to the optimizer's measure of distance.
  double carried() {
    return carried;
  }

  void carry(double sum) {
    carried = sum;
  }

  /// Takes in what an update has measured.
  void grow(double measured) {
    d = Math.max(d, Math.min(measured, d * growthRate));
  }

  void saveTo(Map<String, Tensor> state) {
    state.put(NAME, Ops.of(new double[] {d, carried}, 2));
  }

  void restore(Map<String, Tensor> state) {
    double[] saved = StateTensors.require(state, NAME, 2).toDoubles();
    d = saved[0];
    carried = saved[1];
  }
}
