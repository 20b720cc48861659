package dev.anima.train.optim;

import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;
import java.util.OptionalDouble;

/// `prodigyplus.ProdigyPlusScheduleFree` 2.0: Prodigy's step sizes ([ProdigyPlusDistance]) for
/// schedule-free Adam, or for Adam with momentum.
///
/// Works tensor by tensor: updates are scaled by their own size. Computes in float32. Waits for the
/// device once an update.
final class ProdigyPlus implements Optimizer {
  /// Adam-atan2's scale: the angle of 1 becomes 1.
  private static final double ATAN_SCALE = 1.2732395;

  private static final double FOCUS = 0.1;

  private final OptimizerConfig.ProdigyPlus config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final ProdigyPlusDistance distance;
  private final ProdigyPlusMoment square;

  /// The fast iterate z or, without averaging, the mean gradient.
  private final Tensor companion;

  /// Per group: sum of the average's weights.
  private final double[] weightSums;

  private long steps;
  private final AveragedWeights averaged;

  ProdigyPlus(OptimizerConfig.ProdigyPlus config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    Tensor values = parameters.values();
    companion =
        state.zeros(
            config.scheduleFree() ? "z" : "exp_avg",
            config.scheduleFree() ? parameters.weightDtype() : values.dtype(),
            values.device(),
            values.numel());
    square = new ProdigyPlusMoment(config, parameters, state);
    distance = new ProdigyPlusDistance(config, parameters, state);
    weightSums = new double[parameters.layout().groups().size()];
    averaged = new AveragedWeights(parameters);
  }

  /// What one update of a group does, beside its tensors.
  ///
  /// @param d step size, a factor on gradients
  /// @param rate d (or the groups' mean) times learning rate, rectified
  /// @param beta2 decay of the second moment, corrected
  /// @param trusted whether the second moment is long enough
  private record Pace(double d, double rate, double beta2, boolean trusted) {}

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    if (averaged.areShown()) {
      throw new IllegalStateException("update() between eval() and train()");
    }
    steps++;
    Pace[] paces = new Pace[learningRates.length];
    for (int group = 0; group < paces.length; group++) {
      paces[group] = pace(group, learningRates[group]);
    }
    boolean[] moved = new boolean[paces.length];
    try (NoGrad _ = new NoGrad()) {
      distance.clear();
      for (int index : withGradient.stream().toArray()) {
        int group = parameters.layout().groupOf(index);
        try (Scope _ = new Scope()) {
          moved[group] |= update(index, gradients, paces[group]);
        }
      }
      distance.grow(steps);
    }
    for (int group = 0; group < paces.length; group++) {
      if (moved[group]) {
        weightSums[group] += paces[group].rate() * paces[group].rate();
      }
    }
  }

  /// Rectification of Liu et al. 2020, if it is asked for.
  private Pace pace(int group, double learningRate) {
    double rate = distance.rateFactor(group) * learningRate;
    double d = distance.of(group);
    if (!config.biasCorrection()) {
      return new Pace(d, rate, config.beta2(), true);
    }
    double decayed = Math.pow(config.beta2(), (double) steps);
    double longest = 2 / (1 - config.beta2()) - 1;
    double length = longest - 2 * steps * decayed / (1 - decayed);
    boolean trusted = length > 4;
    double rectified =
        trusted
            ? Math.sqrt(
                (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
            : 0;
    return new Pace(d, rate * rectified, 1 - (1 - config.beta2()) / (1 - decayed), trusted);
  }

  /// @return whether the slot's weights took part in the average
  private boolean update(int index, Tensor gradients, Pace pace) {
    ParameterLayout.Slot slot = parameters.layout().slots().get(index);
    Tensor other = FlatParameters.view(companion, slot);
    Tensor stored = FlatParameters.view(parameters.values(), slot);
    boolean first = distance.begin(index, stored);
    if (first && config.scheduleFree()) {
      other.copy_(stored);
    }
    Tensor given = FlatParameters.view(gradients, slot);
    Tensor gradient = given.to(Dtype.F32);
    Tensor values = parameters.open(slot).to(Dtype.F32);
    Tensor iterate = config.scheduleFree() ? other.to(Dtype.F32) : values;
    double weight = pace.d() * pace.d();
    if (config.adopt() && steps == 1) { // ADOPT's first gradient only fills the second moment
      square.update(index, gradient, iterate, 0, weight);
      return false;
    }
    Tensor before = config.adopt() ? square.denominator(index) : null;
    square.update(index, gradient, iterate, pace.beta2(), weight);
    Tensor denominator = before == null ? square.denominator(index) : before;
    Tensor update =
        config.scheduleFree()
            ? direct(gradient, denominator, iterate, pace)
            : withMomentum(gradient, denominator, iterate, other, pace);
    if (config.orthogonal()) {
      update = orthogonalTo(iterate, update);
    }
    if (config.clipped()) {
      update = update.mul(FactoredMoment.rms(update).clampMin_(1).rsqrt_());
    }
    distance.measure(index, given, config.scheduleFree() ? other : stored, steps);
    if (config.scheduleFree()) {
      average(slot, values, iterate, update, pace, weightSums[parameters.layout().groupOf(index)]);
      if (other.dtype() != Dtype.F32) {
        other.copy_(iterate);
      }
    } else {
      double decay = config.weightDecay() * (config.decayByRate() ? pace.rate() : 1);
      values.mul_(1 - decay).add_(update, -pace.rate());
      parameters.store(slot, values);
    }
    return config.scheduleFree();
  }

  private Tensor direct(Tensor gradient, Tensor denominator, Tensor iterate, Pace pace) {
    return pace.trusted()
        ? normalised(gradient.mul(pace.d()), denominator, iterate, pace.d())
        : gradient;
  }

  /// The update with momentum.
  private Tensor withMomentum(
      Tensor gradient, Tensor denominator, Tensor values, Tensor mean, Pace pace) {
    Tensor numerator = gradient;
    if (config.adopt()) {
      double limit = Math.pow((double) steps, 0.25);
      numerator = normalised(gradient, denominator, values, pace.d()).clamp_(-limit, limit);
    }
    mean.mul_(config.beta1()).add_(numerator, (1 - config.beta1()) * pace.d());
    Tensor step =
        switch (config.direction()) {
          case PLAIN -> mean.to(Dtype.F32);
          // The package computes a mask here and does not use it.
          case CAUTIOUS -> numerator.mul(mean);
          case GRAMS -> numerator.sign().mul(mean.abs());
        };
    return config.adopt() ? step : normalised(step, denominator, values, pace.d());
  }

  private Tensor normalised(Tensor numerator, Tensor denominator, Tensor values, double d) {
    if (config.focus()) {
      return numerator.sign().add(denominator.sub(values).sign_(), -FOCUS);
    }
    return config.epsilon().isEmpty()
        ? numerator.atan2(denominator).mul_(ATAN_SCALE)
        : numerator.div(denominator.add(d * config.epsilon().getAsDouble()));
  }

  /// The part of `update` at right angles to `values`, as long as the whole (Prieto et al. 2025).
  private static Tensor orthogonalTo(Tensor values, Tensor update) {
    Tensor along = values.mul(update).sum().div(values.square().sum().add(1e-30));
    Tensor rest = update.sub(values.mul(along));
    return rest.mul(update.norm().div(rest.norm().add(1e-30)));
  }

  /// Moves the fast iterate z and the values y between it and the average.
  private void average(
      ParameterLayout.Slot slot, Tensor y, Tensor z, Tensor given, Pace pace, double weightSum) {
    double weight = pace.rate() * pace.rate();
    double sum = weightSum + weight;
    double share = sum == 0 ? 0 : weight / sum;
    if (config.averagingStrength() > 0) {
      share = Math.min(1, share * (1 - config.beta1()) * config.averagingStrength());
    }
    double step = 1 - config.beta1() * (1 - share);
    boolean decays = config.weightDecay() != 0;
    Tensor update = decays && config.decayByRate() ? given.add(y, config.weightDecay()) : given;
    Tensor decay = decays && !config.decayByRate() ? y.mul(config.weightDecay()) : null;
    switch (config.direction()) {
      case PLAIN -> {
        y.lerp_(z, share);
        z.add_(update, -pace.rate());
        y.add_(update, -pace.rate() * step);
      }
      case CAUTIOUS, GRAMS -> {
        Tensor move = y.sub(z).mul_(share).add_(update, pace.rate() * step);
        z.add_(update, -pace.rate());
        y.sub_(aligned(move, update));
      }
    }
    if (decay != null) {
      z.sub_(decay);
      y.add_(decay, -step);
    }
    parameters.store(slot, y);
  }

  private Tensor aligned(Tensor move, Tensor update) {
    if (config.direction() == OptimizerConfig.ProdigyPlus.Direction.GRAMS) {
      return move.abs().mul_(update.sign());
    }
    Tensor mask = update.mul(move).sign_().clampMin_(0);
    return move.mul(mask.div(mask.mean().clampMin(1e-3)));
  }

  @Override
  public void eval() {
    if (config.scheduleFree()) {
      averaged.show(distance.started().slots(), companion, config.beta1());
    }
  }

  @Override
  public void train() {
    averaged.putBack();
  }

  @Override
  public OptionalDouble stepSizeEstimate(int group) {
    return OptionalDouble.of(distance.of(group));
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = state.view();
    distance.saveTo(saved);
    saved.put("weight_sum", Ops.of(weightSums.clone(), weightSums.length));
    saved.put("k", Ops.of(new long[] {steps}, 1));
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    distance.restore(saved);
    double[] sums = StateTensors.require(saved, "weight_sum", weightSums.length).toDoubles();
    System.arraycopy(sums, 0, weightSums, 0, sums.length);
    steps = StateTensors.require(saved, "k", 1).toLongs()[0];
  }

  @Override
  public void close() {
    state.close();
    averaged.close();
    distance.close();
  }
}
