package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/// `dadaptation.DAdaptAdam`, and `DAdaptAdamPreprint` of its first two versions: Adam with a step
/// size found by D-Adaptation. They differ in how the distance is measured.
///
/// Waits for the device once an update.
final class DAdaptAdam implements Optimizer {
  private final OptimizerConfig.DAdaptAdam config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final DeviceSums sums;
  private final DistanceEstimate distance;
  private final Tensor mean;
  private final Tensor square;

  /// Running sum of the gradients.
  private final Tensor sum;

  private double updates;

  DAdaptAdam(OptimizerConfig.DAdaptAdam config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    distance = new DistanceEstimate(config.d0(), config.growthRate());
    Tensor values = parameters.values();
    sums = new DeviceSums(3, values.device());
    mean = state.zerosLike("exp_avg", values);
    square = state.zerosLike("exp_avg_sq", values);
    sum = state.zerosLike("s", values);
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    double rate = Arrays.stream(learningRates).max().orElse(0);
    if (rate <= 0) {
      return; // nothing would be measured, and such an update is not counted
    }
    try (NoGrad _ = new NoGrad()) {
      double adaptedRate = distance.d() * rate * correction();
      List<Run> runs = Run.of(parameters.layout(), withGradient);
      sums.clear();
      for (Run run : runs) {
        if (learningRates[run.group()] > 0) {
          run.forEachChunk(gradients, chunk -> measure(chunk, chunk.of(gradients), adaptedRate));
        }
      }
      if (!grow(adaptedRate)) {
        return;
      }
      for (Run run : runs) {
        boolean decays = !config.preprint() || learningRates[run.group()] > 0;
        run.forEachChunk(gradients, chunk -> move(chunk, decays ? adaptedRate : 0));
      }
      updates++;
    }
  }

  private double correction() {
    return config.biasCorrection()
        ? Math.sqrt(1 - Math.pow(config.beta2(), updates + 1))
            / (1 - Math.pow(config.beta1(), updates + 1))
        : 1;
  }

  private void measure(Run.Chunk chunk, Tensor given, double adaptedRate) {
    Tensor gradient =
        config.decouple() || config.weightDecay() == 0
            ? given
            : given.add(chunk.of(parameters.values()), config.weightDecay());
    Tensor m = chunk.of(mean);
    Tensor v = chunk.of(square);
    Tensor s = chunk.of(sum);
    if (config.preprint()) {
      m.mul_(config.beta1()).add_(gradient, adaptedRate * (1 - config.beta1()));
      v.mul_(config.beta2()).addcmul_(gradient, gradient, 1 - config.beta2());
      Tensor denominator = v.sqrt().add_(config.epsilon());
      sums.addAll(0, gradient.square().div_(denominator));
      s.mul_(config.beta2()).add_(gradient, adaptedRate * (1 - config.beta2()));
      sums.addAll(1, s.square().div_(denominator));
    } else {
      double root = Math.sqrt(config.beta2());
      sums.addAll(0, s.div(v.sqrt().add_(config.epsilon())).mul_(gradient));
      m.mul_(config.beta1()).add_(gradient, adaptedRate * (1 - config.beta1()));
      v.mul_(config.beta2()).addcmul_(gradient, gradient, 1 - config.beta2());
      s.mul_(root).add_(gradient, adaptedRate * (1 - root));
    }
    sums.addAll(2, s.abs());
  }

  /// Finds the new d; false if there was nothing to measure.
  private boolean grow(double adaptedRate) {
    double[] measured = sums.read();
    if (measured[2] == 0) {
      return false;
    }
    if (config.preprint()) {
      double share = 1 - config.beta2();
      double squares =
          config.beta2() * distance.carried() + measured[0] * adaptedRate * adaptedRate * share;
      distance.carry(squares);
      distance.grow((measured[1] / share - squares) / measured[2]);
    } else {
      double share = 1 - Math.sqrt(config.beta2());
      double numerator = (1 - share) * distance.carried() + share * adaptedRate * measured[0];
      distance.carry(numerator);
      distance.grow(numerator / (share * measured[2]));
    }
    return true;
  }

  /// @param decayRate learning rate of decoupled weight decay
  private void move(Run.Chunk chunk, double decayRate) {
    Tensor values = parameters.open(chunk);
    if (config.decouple() && config.weightDecay() != 0) {
      values.add_(values, -config.weightDecay() * decayRate);
    }
    Tensor denominator = chunk.of(square).sqrt().add_(config.epsilon());
    values.addcdiv_(chunk.of(mean), denominator, -1);
    parameters.store(chunk, values);
  }

  @Override
  public OptionalDouble stepSizeEstimate(int group) {
    return OptionalDouble.of(distance.d());
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = state.view();
    distance.saveTo(saved);
    saved.put("updates", Ops.of(new double[] {updates}, 1));
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    distance.restore(saved);
    updates = StateTensors.require(saved, "updates", 1).toDoubles()[0];
  }

  @Override
  public void close() {
    state.close();
    sums.close();
  }
}
