package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;

/// `torch.optim.SGD` with Nesterov momentum. Weight decay is part of the gradient.
final class Sgd implements Optimizer {
  private final OptimizerConfig.Sgd config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final Tensor momentum;

  Sgd(OptimizerConfig.Sgd config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    momentum = state.zerosLike("momentum_buffer", parameters.values());
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    try (NoGrad _ = new NoGrad()) {
      for (Run run : Run.of(parameters.layout(), withGradient)) {
        double rate = learningRates[run.group()];
        run.forEachChunk(
            gradients,
            chunk -> {
              Tensor values = chunk.of(parameters.values());
              Tensor gradient = chunk.of(gradients);
              if (config.weightDecay() != 0) {
                gradient = gradient.add(values, config.weightDecay());
              }
              // A buffer of zeros gives torch's first step, which copies the gradient.
              Tensor buffer = chunk.of(momentum).mul_(config.momentum()).add_(gradient);
              values.add_(gradient.add(buffer, config.momentum()), -rate);
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
