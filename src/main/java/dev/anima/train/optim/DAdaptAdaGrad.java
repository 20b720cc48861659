package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/// `dadaptation.DAdaptAdaGrad`: AdaGrad, counted from where the values began, with a step size
/// found by D-Adaptation.
///
/// The first group's learning rate counts for all. Waits for the device once an update.
final class DAdaptAdaGrad implements Optimizer {
  /// The package begins its sums of squares here.
  private static final double FIRST_SQUARE = 1e-6;

  private final OptimizerConfig.DAdaptAdaGrad config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final Started started;
  private final DeviceSums sums;

  /// Carries the weighted squares of the gradients.
  private final DistanceEstimate distance;

  private final Tensor squares;
  private final Tensor sum;
  private final Tensor origin;

  /// Over all tensors: `sum^2` over the root of `squares`, and `|sum|`.
  private double weightedSum;

  private double sumLength;

  DAdaptAdaGrad(OptimizerConfig.DAdaptAdaGrad config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    started = new Started(parameters.layout());
    distance = new DistanceEstimate(config.d0(), config.growthRate());
    Tensor values = parameters.values();
    sums = new DeviceSums(3, values.device());
    squares = state.zerosLike("alphak", values).fill_(FIRST_SQUARE);
    sum = state.zerosLike("sk", values);
    origin = state.zeros("x0", parameters.weightDtype(), values.device(), values.numel());
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    double rate = learningRates[0];
    try (NoGrad _ = new NoGrad()) {
      Tensor values = parameters.values();
      started.begin(withGradient, chunk -> chunk.of(origin).copy_(chunk.of(values)), values);
      double adaptedRate = distance.d() * rate;
      List<Run> runs = Run.of(parameters.layout(), withGradient);
      sums.clear();
      for (Run run : runs) {
        run.forEachChunk(gradients, chunk -> measure(chunk, chunk.of(gradients), adaptedRate));
      }
      if (!grow(rate, adaptedRate)) {
        return;
      }
      for (Run run : runs) {
        run.forEachChunk(gradients, this::move);
      }
    }
  }

  private void measure(Run.Chunk chunk, Tensor given, double adaptedRate) {
    Tensor gradient =
        config.weightDecay() == 0
            ? given
            : given.add(chunk.of(parameters.values()), config.weightDecay());
    Tensor s = chunk.of(sum);
    sums.addAll(1, s.square().div_(root(chunk)).neg());
    sums.addAll(2, s.abs().neg());
    chunk.of(squares).addcmul_(gradient, gradient, 1);
    Tensor root = root(chunk);
    sums.addAll(0, gradient.square().div_(root));
    s.add_(gradient, adaptedRate);
    sums.addAll(1, s.square().div_(root));
    sums.addAll(2, s.abs());
  }

  private Tensor root(Run.Chunk chunk) {
    return chunk.of(squares).sqrt().add_(config.epsilon());
  }

  /// Finds the new d; false if there was nothing to measure.
  private boolean grow(double rate, double adaptedRate) {
    double[] measured = sums.read();
    if (sumLength + measured[2] == 0) {
      return false;
    }
    weightedSum += measured[1];
    sumLength += measured[2];
    distance.carry(distance.carried() + adaptedRate * adaptedRate * measured[0]);
    if (rate > 0) {
      distance.grow((weightedSum - distance.carried()) / sumLength);
    }
    return true;
  }

  private void move(Run.Chunk chunk) {
    Tensor target = chunk.of(origin).sub(chunk.of(sum).div(root(chunk)));
    Tensor values = parameters.open(chunk);
    if (config.momentum() == 0) {
      values.copy_(target);
    } else {
      values.mul_(config.momentum()).add_(target, 1 - config.momentum());
    }
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
    saved.put("totals", Ops.of(new double[] {weightedSum, sumLength}, 2));
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    started.restore(saved);
    distance.restore(saved);
    double[] totals = StateTensors.require(saved, "totals", 2).toDoubles();
    weightedSum = totals[0];
    sumLength = totals[1];
  }

  @Override
  public void close() {
    state.close();
    sums.close();
  }
}
