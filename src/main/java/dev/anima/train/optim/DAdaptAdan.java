package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/// `dadaptation.DAdaptAdan` and its tighter `DAdaptAdanIP`: Adan (Xie et al. 2022), which looks at
/// the change of the gradient too, with a step size found by D-Adaptation. They differ in how the
/// distance is measured.
///
/// The first group's learning rate counts for all. Waits for the device once an update.
final class DAdaptAdan implements Optimizer {
  private final OptimizerConfig.DAdaptAdan config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final DeviceSums sums;
  private final DistanceEstimate distance;

  /// Completed updates: a slot's first gradient is compared with itself.
  private final StepCounts steps;

  private final Tensor mean;
  private final Tensor meanChange;
  private final Tensor square;
  private final Tensor sum;
  private final Tensor previous;

  DAdaptAdan(OptimizerConfig.DAdaptAdan config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    distance = new DistanceEstimate(config.d0(), config.growthRate());
    steps = new StepCounts(parameters.layout());
    Tensor values = parameters.values();
    sums = new DeviceSums(3, values.device());
    mean = state.zerosLike("exp_avg", values);
    meanChange = state.zerosLike("exp_avg_diff", values);
    square = state.zerosLike("exp_avg_sq", values);
    sum = state.zerosLike("s", values);
    previous = state.zerosLike("pre_grad", values);
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    double rate = learningRates[0];
    try (NoGrad _ = new NoGrad()) {
      double adaptedRate = distance.d() * rate;
      List<Run> runs =
          Run.of(parameters.layout(), withGradient, slot -> Math.min(1, steps.of(slot)));
      sums.clear();
      for (Run run : runs) {
        run.forEachChunk(
            gradients, chunk -> measure(chunk, chunk.of(gradients), run.key() == 0, adaptedRate));
      }
      if (!grow(rate, adaptedRate)) {
        return;
      }
      for (Run run : runs) {
        run.forEachChunk(gradients, chunk -> move(chunk, chunk.of(gradients), adaptedRate));
      }
      steps.advance(withGradient);
    }
  }

  private void measure(Run.Chunk chunk, Tensor gradient, boolean first, double adaptedRate) {
    Tensor before = chunk.of(previous);
    if (first) {
      before.copy_(gradient);
    }
    Tensor v = chunk.of(square);
    Tensor s = chunk.of(sum);
    if (config.innerProduct()) {
      sums.addAll(0, s.div(v.sqrt().add_(config.epsilon())).mul_(gradient));
    }
    Tensor change = gradient.sub(before);
    Tensor ahead = gradient.add(change, config.beta2());
    chunk.of(mean).mul_(config.beta1()).add_(gradient, adaptedRate * (1 - config.beta1()));
    chunk.of(meanChange).mul_(config.beta2()).add_(change, adaptedRate * (1 - config.beta2()));
    v.mul_(config.beta3()).addcmul_(ahead, ahead, 1 - config.beta3());
    s.mul_(config.beta3()).add_(gradient, adaptedRate * (1 - config.beta3()));
    if (!config.innerProduct()) {
      Tensor denominator = v.sqrt().add_(config.epsilon());
      sums.addAll(0, gradient.square().div_(denominator));
      sums.addAll(1, s.square().div_(denominator));
    }
    sums.addAll(2, s.abs());
  }

  /// Finds the new d; false if there was nothing to measure.
  private boolean grow(double rate, double adaptedRate) {
    double[] measured = sums.read();
    if (measured[2] == 0) {
      return false;
    }
    double share = 1 - config.beta3();
    double estimate;
    if (config.innerProduct()) {
      distance.carry(config.beta3() * distance.carried() + share * adaptedRate * measured[0]);
      estimate = 2 * (config.beta3() / share) * distance.carried() / measured[2];
    } else {
      distance.carry(
          config.beta3() * distance.carried() + measured[0] * adaptedRate * adaptedRate * share);
      estimate = (measured[1] / share - distance.carried()) / measured[2];
    }
    if (rate > 0) {
      distance.grow(estimate);
    }
    return true;
  }

  private void move(Run.Chunk chunk, Tensor gradient, double adaptedRate) {
    Tensor denominator = chunk.of(square).sqrt().add_(config.epsilon());
    Tensor step = chunk.of(mean).add(chunk.of(meanChange), config.beta2()).div_(denominator);
    Tensor values = parameters.open(chunk);
    double decay = adaptedRate * config.weightDecay();
    if (config.noProx()) {
      values.mul_(1 - decay).sub_(step);
    } else {
      values.sub_(step).div_(1 + decay);
    }
    parameters.store(chunk, values);
    chunk.of(previous).copy_(gradient);
  }

  @Override
  public OptionalDouble stepSizeEstimate(int group) {
    return OptionalDouble.of(distance.d());
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = state.view();
    distance.saveTo(saved);
    steps.saveTo(saved);
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    distance.restore(saved);
    steps.restore(saved);
  }

  @Override
  public void close() {
    state.close();
    sums.close();
  }
}
