package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Tensor;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;
import java.util.OptionalDouble;

/// `dadaptation.DAdaptLion`: Lion with a step size found by D-Adaptation, which holds from the next
/// update on.
///
/// Waits for the device once an update.
final class DAdaptLion implements Optimizer {
  private final OptimizerConfig.DAdaptLion config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final DeviceSums sums;
  private final DistanceEstimate distance;
  private final Tensor mean;

  /// Running sum of the directions.
  private final Tensor sum;

  DAdaptLion(OptimizerConfig.DAdaptLion config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    distance = new DistanceEstimate(config.d0(), Double.POSITIVE_INFINITY);
    sums = new DeviceSums(2, parameters.values().device());
    mean = state.zerosLike("exp_avg", parameters.values());
    sum = state.zerosLike("s", parameters.values());
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    double rate = Arrays.stream(learningRates).max().orElse(0);
    try (NoGrad _ = new NoGrad()) {
      double adaptedRate = distance.d() * rate;
      sums.clear();
      for (Run run : Run.of(parameters.layout(), withGradient)) {
        run.forEachChunk(gradients, chunk -> update(chunk, chunk.of(gradients), adaptedRate));
      }
      double[] measured = sums.read();
      if (measured[1] == 0) {
        return;
      }
      double share = 1 - Math.sqrt(config.beta2());
      distance.carry((1 - share) * distance.carried() + share * adaptedRate * measured[0]);
      if (rate > 0) {
        distance.grow(distance.carried() / (share * measured[1]));
      }
    }
  }

  private void update(Run.Chunk chunk, Tensor gradient, double adaptedRate) {
    Tensor m = chunk.of(mean);
    Tensor s = chunk.of(sum);
    Tensor values = parameters.open(chunk);
    values.mul_(1 - adaptedRate * config.weightDecay());
    Tensor direction = m.mul(config.beta1()).add_(gradient, 1 - config.beta1()).sign_();
    values.add_(direction, -adaptedRate);
    parameters.store(chunk, values);
    m.mul_(config.beta2()).add_(gradient, (1 - config.beta2()) * adaptedRate);
    double root = Math.sqrt(config.beta2());
    sums.addAll(0, s.mul(direction));
    s.mul_(root).add_(direction, (1 - root) * adaptedRate);
    sums.addAll(1, s.abs());
  }

  @Override
  public OptionalDouble stepSizeEstimate(int group) {
    return OptionalDouble.of(distance.d());
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = state.view();
    distance.saveTo(saved);
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    distance.restore(saved);
  }

  @Override
  public void close() {
    state.close();
    sums.close();
  }
}
