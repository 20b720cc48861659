package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;

/// Adafactor (Shazeer and Stern 2018) as in transformers: the second moment of a matrix is kept as
/// row and column means.
///
/// Works tensor by tensor: every tensor has its own norms. Sizes stay on the device.
final class Adafactor implements Optimizer {
  private final OptimizerConfig.Adafactor config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final StepCounts steps;
  private final FactoredMoment square;

  /// Averaged updates; as small as can be without beta1.
  private final Tensor mean;

  Adafactor(OptimizerConfig.Adafactor config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    steps = new StepCounts(parameters.layout());
    Device device = parameters.values().device();
    square = new FactoredMoment("exp_avg_sq", parameters.layout(), state, device);
    mean =
        state.zeros(
            "exp_avg",
            Dtype.F32,
            device,
            config.beta1().isPresent() ? parameters.layout().size() : 0);
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    steps.advance(withGradient);
    try (NoGrad _ = new NoGrad()) {
      for (int slot : withGradient.stream().toArray()) {
        try (Scope _ = new Scope()) {
          update(gradients, slot, learningRates[parameters.layout().groupOf(slot)]);
        }
      }
    }
  }

  private void update(Tensor gradients, int index, double learningRate) {
    ParameterLayout.Slot slot = parameters.layout().slots().get(index);
    Tensor values = parameters.open(slot).to(Dtype.F32);
    Tensor gradient = FlatParameters.view(gradients, slot).to(Dtype.F32);
    long step = steps.of(index);
    double factor = config.relativeStep() ? relativeStep(step) : learningRate;

    Tensor update = normalised(gradient, index, step);
    update.div_(FactoredMoment.rms(update).div_(config.clipThreshold()).clampMin_(1));
    if (config.scaleParameter()) {
      Tensor rate = FactoredMoment.rms(values).clampMin_(config.epsilon2()).mul_(factor);
      update.mul_(rate);
      update = averaged(update, slot);
      if (config.weightDecay() != 0) {
        values.sub_(values.mul(rate.mul(config.weightDecay())));
      }
    } else {
      update.mul_(factor);
      update = averaged(update, slot);
      if (config.weightDecay() != 0) {
        values.add_(values, -config.weightDecay() * factor);
      }
    }
    parameters.store(slot, values.sub_(update));
  }

  private double relativeStep(long step) {
    double cap = config.warmupInit() ? 1e-6 * step : 1e-2;
    return Math.min(cap, 1 / Math.sqrt((double) step));
  }

  /// The gradient over the root of its (factored) second moment.
  private Tensor normalised(Tensor gradient, int index, long step) {
    double beta2 = 1 - Math.pow((double) step, config.decayRate());
    return square
        .inverseRoot(index, gradient.square().add_(config.epsilon1()), beta2)
        .mul_(gradient);
  }

  private Tensor averaged(Tensor update, ParameterLayout.Slot slot) {
    if (config.beta1().isEmpty()) {
      return update;
    }
    double beta1 = config.beta1().getAsDouble();
    return FlatParameters.view(mean, slot).mul_(beta1).add_(update, 1 - beta1);
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
