package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/// `dadaptation.DAdaptSGD`: gradient descent, counted from where the values began and relative to
/// the length of the first gradient, with a step size found by D-Adaptation.
///
/// Waits for the device once an update (and once more in the first).
final class DAdaptSgd implements Optimizer {
  private final OptimizerConfig.DAdaptSgd config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final Started started;
  private final DeviceSums sums;
  private final DistanceEstimate distance;
  private final Tensor sum;
  private final Tensor origin;

  /// Length of the first gradient; 0 before it.
  private double firstNorm;

  DAdaptSgd(OptimizerConfig.DAdaptSgd config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    started = new Started(parameters.layout());
    distance = new DistanceEstimate(config.d0(), config.growthRate());
    Tensor values = parameters.values();
    sums = new DeviceSums(2, values.device());
    sum = state.zerosLike("s", values);
    origin = state.zeros("x0", parameters.weightDtype(), values.device(), values.numel());
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    double rate = Arrays.stream(learningRates).max().orElse(0);
    if (rate <= 0) {
      return; // the package divides by zero here
    }
    try (NoGrad _ = new NoGrad()) {
      List<Run> runs = Run.of(parameters.layout(), withGradient);
      List<Run> moving = runs.stream().filter(run -> learningRates[run.group()] > 0).toList();
      if (firstNorm == 0) {
        firstNorm = norm(gradients, moving);
      }
      if (firstNorm == 0) {
        return;
      }
      Tensor values = parameters.values();
      started.begin(withGradient, chunk -> chunk.of(origin).copy_(chunk.of(values)), values);
      double adaptedRate = distance.d() * rate / firstNorm;
      sums.clear();
      for (Run run : moving) {
        run.forEachChunk(gradients, chunk -> measure(chunk, chunk.of(gradients), adaptedRate));
      }
      double[] measured = sums.read();
      if (measured[1] == 0) {
        return;
      }
      distance.carry(distance.carried() + adaptedRate * measured[0]);
      distance.grow(2 * distance.carried() / Math.sqrt(measured[1]));
      for (Run run : runs) {
        run.forEachChunk(gradients, this::move);
      }
    }
  }

  /// Without weight decay, whatever the package's intention was.
  private double norm(Tensor gradients, List<Run> runs) {
    sums.clear();
    for (Run run : runs) {
      run.forEachChunk(gradients, chunk -> sums.addAll(0, chunk.of(gradients).square()));
    }
    return Math.sqrt(sums.read()[0]);
  }

  private void measure(Run.Chunk chunk, Tensor given, double adaptedRate) {
    Tensor gradient =
        config.weightDecay() == 0
            ? given
            : given.add(chunk.of(parameters.values()), config.weightDecay());
    Tensor s = chunk.of(sum);
    sums.addAll(0, s.mul(gradient));
    s.add_(gradient, adaptedRate);
    sums.addAll(1, s.square());
  }

  private void move(Run.Chunk chunk) {
    Tensor target = chunk.of(origin).sub(chunk.of(sum));
    Tensor values = parameters.open(chunk);
    values.mul_(config.momentum()).add_(target, 1 - config.momentum());
    parameters.store(chunk, values);
  }

  @Override
  public OptionalDouble stepSizeEstimate(int group) {
    return OptionalDouble.of(distance.d());
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = state.view();
    started.saveTo(saved);
    distance.saveTo(saved);
    saved.put("g0_norm", Ops.of(new double[] {firstNorm}, 1));
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    started.restore(saved);
    distance.restore(saved);
    firstNorm = StateTensors.require(saved, "g0_norm", 1).toDoubles()[0];
  }

  @Override
  public void close() {
    state.close();
    sums.close();
  }
}
