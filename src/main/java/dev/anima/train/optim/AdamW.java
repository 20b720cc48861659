package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;

/// `torch.optim.AdamW` and `Adam` (whose weight decay is part of the gradient): moments in the
/// parameters' dtype, a step count per tensor. The operations and their order are torch's, so equal
/// inputs give equal bits.
final class AdamW implements Optimizer {
  private final OptimizerConfig.AdamW config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final StepCounts steps;
  private final Tensor mean;
  private final Tensor square;

  /// Largest `square` so far; the same tensor as `square` without amsgrad.
  private final Tensor largestSquare;

  AdamW(OptimizerConfig.AdamW config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    steps = new StepCounts(parameters.layout());
    mean = state.zerosLike("exp_avg", parameters.values());
    square = state.zerosLike("exp_avg_sq", parameters.values());
    largestSquare =
        config.amsgrad() ? state.zerosLike("max_exp_avg_sq", parameters.values()) : square;
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    steps.advance(withGradient);
    try (NoGrad _ = new NoGrad()) {
      for (Run run : Run.of(parameters.layout(), withGradient, steps::of)) {
        double rate = learningRates[run.group()];
        run.forEachChunk(gradients, chunk -> update(chunk, chunk.of(gradients), rate, run.key()));
      }
    }
  }

  private void update(Run.Chunk chunk, Tensor given, double rate, long step) {
    Tensor values = parameters.open(chunk);
    Tensor m = chunk.of(mean);
    Tensor v = chunk.of(square);
    Tensor gradient = given;
    if (config.weightDecay() != 0 && !config.decoupled()) {
      gradient = given.add(values, config.weightDecay()).to(m.dtype());
    } else if (config.weightDecay() != 0) {
      values.mul_(1 - rate * config.weightDecay());
    }
    m.lerp_(gradient, 1 - config.beta1());
    v.mul_(config.beta2()).addcmul_(gradient, gradient, 1 - config.beta2());
    if (config.amsgrad()) {
      Tensor largest = chunk.of(largestSquare);
      largest.copy_(largest.maximum(v));
      v = largest;
    }
    double correction1 = 1 - Math.pow(config.beta1(), (double) step);
    double correction2 = Math.sqrt(1 - Math.pow(config.beta2(), (double) step));
    Tensor denominator = v.sqrt().div_(correction2).add_(config.epsilon());
    values.addcdiv_(m, denominator, -rate / correction1);
    parameters.store(chunk, values);
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = state.view();
    steps.saveTo(saved);
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    steps.restore(saved);
  }

  @Override
  public void close() {
    state.close();
  }
}
