package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;

/// `torch.optim.SGD`, with Nesterov momentum or plain. Weight decay is part of the gradient.
final class Sgd implements Optimizer {
  private final OptimizerConfig.Sgd config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final Started started;

  /// Empty without momentum.
  private final Tensor momentum;

  Sgd(OptimizerConfig.Sgd config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    started = new Started(parameters.layout());
    Tensor values = parameters.values();
    momentum =
        state.zeros(
            "momentum_buffer",
            values.dtype(),
            values.device(),
            config.momentum() == 0 ? 0 : values.numel());
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    try (NoGrad _ = new NoGrad()) {
      for (Run run : Run.of(parameters.layout(), withGradient, this::age)) {
        double rate = learningRates[run.group()];
        double share = run.key() == 0 ? 1 : 1 - config.dampening();
        run.forEachChunk(
            gradients,
            chunk -> {
              Tensor values = parameters.open(chunk);
              Tensor gradient = chunk.of(gradients);
              if (config.weightDecay() != 0) {
                gradient = gradient.add(values, config.weightDecay());
              }
              values.add_(direction(chunk, gradient, share), -rate);
              parameters.store(chunk, values);
            });
      }
      started.slots().or(withGradient);
    }
  }

  /// 0 for a slot's first gradient, which the buffer takes whole whatever the dampening.
  private long age(int slot) {
    return started.slots().get(slot) ? 1 : 0;
  }

  private Tensor direction(Run.Chunk chunk, Tensor gradient, double share) {
    if (config.momentum() == 0) {
      return gradient;
    }
    Tensor buffer = chunk.of(momentum).mul_(config.momentum()).add_(gradient, share);
    return config.nesterov() ? gradient.add(buffer, config.momentum()) : buffer;
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = state.view();
    started.saveTo(saved);
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    started.restore(saved);
  }

  @Override
  public void close() {
    state.close();
  }
}
