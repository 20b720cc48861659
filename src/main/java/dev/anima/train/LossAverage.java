package dev.anima.train;

import dev.anima.train.state.RunState;
import java.util.ArrayList;
import java.util.List;

/// The reference's moving average: the latest loss at each position of an epoch, over one epoch
/// (`spec/training.md` §17.3).
final class LossAverage {
  private final List<Double> losses = new ArrayList<>();
  private double total;

  /// Records the loss of micro-batch `index` (0-based) of epoch `epoch` (1-based).
  void add(int epoch, int index, double loss) {
    if (epoch == 1 || index >= losses.size()) {
      losses.add(loss);
    } else {
      total -= losses.get(index);
      losses.set(index, loss);
    }
    total += loss;
  }

  RunState.Average state() {
    return new RunState.Average(losses, total);
  }

  void restore(RunState.Average state) {
    losses.clear();
    losses.addAll(state.losses());
    total = state.total();
  }

  double average() {
    return losses.isEmpty() ? Double.NaN : total / losses.size();
  }
}
