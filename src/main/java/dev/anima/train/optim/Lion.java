package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;

/// Lion (Chen et al. 2023) as in `lion_pytorch`: steps by the sign of an average of momentum and
/// gradient.
final class Lion implements Optimizer {
  private final OptimizerConfig.Lion config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final Tensor mean;

  Lion(OptimizerConfig.Lion config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    mean = state.zerosLike("exp_avg", parameters.values());
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    try (NoGrad _ = new NoGrad()) {
      for (Run run : Run.of(parameters.layout(), withGradient)) {
        double rate = learningRates[run.group()];
        run.forEachChunk(
            gradients,
            chunk -> {
              Tensor gradient = chunk.of(gradients);
              Tensor m = chunk.of(mean);
              Tensor values = parameters.open(chunk);
              values.mul_(1 - rate * config.weightDecay());
              Tensor direction = m.mul(config.beta1()).add_(gradient, 1 - config.beta1()).sign_();
              values.add_(direction, -rate);
              parameters.store(chunk, values);
              m.mul_(config.beta2()).add_(gradient, 1 - config.beta2());
            });
      }
    }
  }

  @Override
  public Map<String, Tensor> state() {
    return state.view();
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
  }

  @Override
  public void close() {
    state.close();
  }
}
