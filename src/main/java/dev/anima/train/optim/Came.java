package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;

/// CAME (Luo et al. 2023) as in `came_pytorch`: Adafactor with momentum, where steps are the
/// smaller the more the updates differ from their own average.
///
/// Works tensor by tensor, like [Adafactor].
final class Came implements Optimizer {
  private final OptimizerConfig.Came config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final FactoredMoment square;
  private final FactoredMoment instability;
  private final Tensor mean;

  Came(OptimizerConfig.Came config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    ParameterLayout layout = parameters.layout();
    Device device = parameters.values().device();
    mean = state.zeros("exp_avg", Dtype.F32, device, layout.size());
    square = new FactoredMoment("exp_avg_sq", layout, state, device);
    instability = new FactoredMoment("exp_avg_res", layout, state, device);
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    try (NoGrad _ = new NoGrad()) {
      for (int slot : withGradient.stream().toArray()) {
        try (Scope _ = new Scope()) {
          update(gradients, slot, learningRates[parameters.layout().groupOf(slot)]);
        }
      }
    }
  }

  private void update(Tensor gradients, int index, double rate) {
    ParameterLayout.Slot slot = parameters.layout().slots().get(index);
    Tensor gradient = FlatParameters.view(gradients, slot).to(Dtype.F32);
    Tensor update =
        square
            .inverseRoot(index, gradient.square().add_(config.epsilon1()), config.beta2())
            .mul_(gradient);
    update.div_(FactoredMoment.rms(update).div_(config.clipThreshold()).clampMin_(1));
    Tensor average =
        FlatParameters.view(mean, slot).mul_(config.beta1()).add_(update, 1 - config.beta1());
    Tensor step = average;
    if (FactoredMoment.isMatrix(slot)) { // vectors have no measure of confidence
      Tensor residual = update.sub(average).square().add_(config.epsilon2());
      step = instability.inverseRoot(index, residual, config.beta3()).mul_(average);
    }
    Tensor values = parameters.open(slot).to(Dtype.F32);
    if (config.weightDecay() != 0) {
      values.add_(values, -config.weightDecay() * rate);
    }
    parameters.store(slot, values.add_(step, -rate));
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
