package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;

/// Schedule-free learning (Defazio et al. 2024) as in the `schedulefree` package: AdamW, RAdam and
/// SGD.
///
/// The parameters hold y, where gradients are taken, while training and x, the average to use, in
/// between ([#eval]); the state holds z, the fast iterate.
final class ScheduleFree implements Optimizer {
  private final OptimizerConfig.ScheduleFree config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final Started started;
  private final Tensor fast;

  /// Second moment; empty for SGD.
  private final Tensor square;

  /// Per group: updates so far, sum of the average's weights, largest learning rate so far.
  private final double[] steps;

  private final double[] weightSums;
  private final double[] largestRates;
  private final AveragedWeights averaged;

  ScheduleFree(OptimizerConfig.ScheduleFree config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    started = new Started(parameters.layout());
    Tensor values = parameters.values();
    fast = state.zeros("z", parameters.weightDtype(), values.device(), values.numel());
    square =
        config instanceof OptimizerConfig.SgdScheduleFree
            ? state.zeros("exp_avg_sq", values.dtype(), values.device(), 0)
            : state.zerosLike("exp_avg_sq", values);
    int groups = parameters.layout().groups().size();
    steps = new double[groups];
    weightSums = new double[groups];
    largestRates = new double[groups];
    Arrays.fill(largestRates, -1);
    averaged = new AveragedWeights(parameters);
  }

  /// What one update of a group does, beside its tensors.
  ///
  /// @param rate learning rate with warm-up or rectification
  /// @param average share of z in the new average
  /// @param correction bias correction of the second moment; 0 for a plain gradient
  private record Pace(double rate, double average, double correction) {}

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    if (averaged.areShown()) {
      throw new IllegalStateException("update() between eval() and train()");
    }
    try (NoGrad _ = new NoGrad()) {
      Tensor values = parameters.values();
      started.begin(withGradient, chunk -> chunk.of(fast).copy_(chunk.of(values)), values);
      Pace[] paces = new Pace[steps.length];
      for (int group = 0; group < paces.length; group++) {
        paces[group] = advance(group, learningRates[group]);
      }
      for (Run run : Run.of(parameters.layout(), withGradient)) {
        Pace pace = paces[run.group()];
        run.forEachChunk(gradients, chunk -> update(chunk, chunk.of(gradients), pace));
      }
    }
  }

  private Pace advance(int group, double learningRate) {
    double step = ++steps[group];
    double rate = learningRate;
    double correction = 0;
    switch (config) {
      case OptimizerConfig.AdamWScheduleFree adam -> {
        rate *= warmup(step, adam.warmupSteps());
        correction = 1 - Math.pow(adam.beta2(), step);
      }
      case OptimizerConfig.SgdScheduleFree sgd -> rate *= warmup(step, sgd.warmupSteps());
      case OptimizerConfig.RAdamScheduleFree radam -> {
        // Rectification of Liu et al. 2020: only a long enough average of squares is trusted.
        double decayed = Math.pow(radam.beta2(), step);
        double longest = 2 / (1 - radam.beta2()) - 1;
        double length = longest - 2 * step * decayed / (1 - decayed);
        if (length > 4) {
          rate *=
              Math.sqrt(
                  (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
          correction = 1 - decayed;
        } else if (radam.silentSgdPhase()) {
          rate = 0;
        }
      }
    }
    largestRates[group] = Math.max(rate, largestRates[group]);
    double weight =
        Math.pow(step, config.r()) * Math.pow(largestRates[group], config.weightLrPower());
    weightSums[group] += weight;
    return new Pace(rate, weightSums[group] == 0 ? 0 : weight / weightSums[group], correction);
  }

  private static double warmup(double step, long warmupSteps) {
    return step <= warmupSteps ? step / warmupSteps : 1;
  }

  private void update(Run.Chunk chunk, Tensor gradient, Pace pace) {
    Tensor y = parameters.open(chunk);
    Tensor z = chunk.of(fast);
    Tensor direction = normalised(chunk, gradient, pace);
    if (config.weightDecay() != 0) {
      direction = direction.add(y, config.weightDecay());
    }
    y.lerp_(z, pace.average());
    y.add_(direction, pace.rate() * (config.interpolation() * (1 - pace.average()) - 1));
    z.add_(direction, -pace.rate());
    parameters.store(chunk, y);
  }

  private Tensor normalised(Run.Chunk chunk, Tensor gradient, Pace pace) {
    return switch (config) {
      case OptimizerConfig.AdamWScheduleFree adam ->
          normalised(chunk, gradient, pace, adam.beta2(), adam.epsilon());
      case OptimizerConfig.RAdamScheduleFree radam ->
          normalised(chunk, gradient, pace, radam.beta2(), radam.epsilon());
      case OptimizerConfig.SgdScheduleFree _ -> gradient;
    };
  }

  private Tensor normalised(
      Run.Chunk chunk, Tensor gradient, Pace pace, double beta2, double epsilon) {
    Tensor v = chunk.of(square).mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
    return pace.correction() == 0
        ? gradient
        : gradient.div(v.div(pace.correction()).sqrt_().add_(epsilon));
  }

  @Override
  public void eval() {
    averaged.show(started.slots(), fast, config.interpolation());
  }

  @Override
  public void train() {
    averaged.putBack();
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = state.view();
    started.saveTo(saved);
    saved.put("k", Ops.of(steps.clone(), steps.length));
    saved.put("weight_sum", Ops.of(weightSums.clone(), steps.length));
    saved.put("lr_max", Ops.of(largestRates.clone(), steps.length));
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    started.restore(saved);
    restore(saved, "k", steps);
    restore(saved, "weight_sum", weightSums);
    restore(saved, "lr_max", largestRates);
  }

  private static void restore(Map<String, Tensor> saved, String name, double[] target) {
    double[] values = StateTensors.require(saved, name, target.length).toDoubles();
    System.arraycopy(values, 0, target, 0, target.length);
  }

  @Override
  public void close() {
    state.close();
    averaged.close();
  }
}
