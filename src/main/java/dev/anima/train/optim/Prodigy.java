package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/// Prodigy (Mishchenko and Defazio 2023) as in `prodigyopt`: Adam whose step size d grows with the
/// distance the values have travelled from where they began.
///
/// Waits for the device once an update: d is needed on the host.
final class Prodigy implements Optimizer {
  private final OptimizerConfig.Prodigy config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();

  private final Started started;
  private final Tensor mean;
  private final Tensor square;

  /// Per slot, where its (sliced) part of `origin` and `sum` begins.
  private final long[] slicedOffsets;

  private final Tensor origin;
  private final Tensor sum;

  /// New part of the numerator before its factor, and the denominator.
  private final DeviceSums progress;

  private double d;
  private double largestD;
  private double numerator;
  private double updates;

  Prodigy(OptimizerConfig.Prodigy config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    d = config.d0();
    largestD = config.d0();
    started = new Started(parameters.layout());
    Tensor values = parameters.values();
    mean = state.zerosLike("exp_avg", values);
    square = state.zerosLike("exp_avg_sq", values);
    List<ParameterLayout.Slot> slots = parameters.layout().slots();
    slicedOffsets = new long[slots.size()];
    long size = 0;
    for (int slot = 0; slot < slicedOffsets.length; slot++) {
      slicedOffsets[slot] = size;
      size += Math.ceilDiv(slots.get(slot).length(), config.sliceP());
    }
    origin = state.zeros("p0", values.dtype(), values.device(), size);
    sum = state.zeros("s", values.dtype(), values.device(), size);
    progress = new DeviceSums(2, values.device());
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    double rate = Arrays.stream(learningRates).max().orElse(0);
    try (NoGrad _ = new NoGrad()) {
      begin(withGradient);
      if (rate <= 0) {
        return; // as in prodigyopt: such a step is not even counted
      }
      double correction =
          config.biasCorrection()
              ? Math.sqrt(1 - Math.pow(config.beta2(), updates + 1))
                  / (1 - Math.pow(config.beta1(), updates + 1))
              : 1;
      double adaptedRate = d * rate * correction;
      List<Run> runs = Run.of(parameters.layout(), withGradient);
      progress.clear();
      for (Run run : runs) {
        if (learningRates[run.group()] > 0) {
          average(run, gradients);
          measure(run, gradients, adaptedRate);
        }
      }
      if (!grow(adaptedRate)) {
        return;
      }
      for (Run run : runs) {
        run.forEachChunk(gradients, chunk -> move(chunk, gradients, adaptedRate));
      }
      updates++;
    }
  }

  /// Remembers where slots with a first gradient begin.
  private void begin(BitSet withGradient) {
    BitSet fresh = (BitSet) withGradient.clone();
    fresh.andNot(started.slots());
    for (Run run : Run.of(parameters.layout(), fresh)) {
      forEachPart(run, parameters.values(), (_, values, start, _) -> start.copy_(values));
    }
    started.slots().or(withGradient);
  }

  private void average(Run run, Tensor gradients) {
    run.forEachChunk(
        gradients,
        chunk -> {
          Tensor gradient = decayed(chunk.of(gradients), chunk.of(parameters.values()));
          chunk.of(mean).mul_(config.beta1()).add_(gradient, d * (1 - config.beta1()));
          chunk
              .of(square)
              .mul_(config.beta2())
              .addcmul_(gradient, gradient, d * d * (1 - config.beta2()));
        });
  }

  private void measure(Run run, Tensor gradients, double adaptedRate) {
    double growth = d / config.d0() * (config.safeguardWarmup() ? d : adaptedRate);
    forEachPart(
        run,
        gradients,
        (part, values, start, total) -> {
          Tensor gradient = decayed(part, values);
          progress.addAll(0, start.sub(values).mul_(gradient));
          total.mul_(config.beta3()).add_(gradient, growth);
          progress.addAll(1, total.abs());
        });
  }

  /// The new d from what was measured; false if there was nothing to measure.
  private boolean grow(double adaptedRate) {
    double[] measured = progress.read();
    if (measured[1] == 0) {
      return false;
    }
    numerator = numerator * config.beta3() + d / config.d0() * adaptedRate * measured[0];
    double estimate = config.dCoefficient() * numerator / measured[1];
    if (d == config.d0()) {
      d = Math.max(d, estimate);
    }
    largestD = Math.max(largestD, estimate);
    d = Math.min(largestD, d * config.growthRate());
    return true;
  }

  private void move(Run.Chunk chunk, Tensor gradients, double adaptedRate) {
    Tensor values = parameters.open(chunk);
    Tensor denominator = chunk.of(square).sqrt().add_(d * config.epsilon());
    if (config.beta1() > 0) {
      decay(values, adaptedRate);
      values.addcdiv_(chunk.of(mean), denominator, -adaptedRate);
    } else {
      Tensor gradient = decayed(chunk.of(gradients), values);
      decay(values, adaptedRate);
      values.addcdiv_(gradient, denominator, -adaptedRate * d);
    }
    parameters.store(chunk, values);
  }

  private void decay(Tensor values, double adaptedRate) {
    if (config.decouple() && config.weightDecay() != 0) {
      values.add_(values, -config.weightDecay() * adaptedRate);
    }
  }

  /// The gradient with coupled weight decay, if that is asked for.
  private Tensor decayed(Tensor gradient, Tensor values) {
    return config.decouple() || config.weightDecay() == 0
        ? gradient
        : gradient.add(values, config.weightDecay());
  }

  @FunctionalInterface
  private interface PartUpdate {
    void accept(Tensor gradient, Tensor values, Tensor start, Tensor total);
  }

  /// The measured elements of a run, piece by piece: all of them, or every sliceP-th of each slot.
  private void forEachPart(Run run, Tensor gradients, PartUpdate update) {
    Tensor flat = parameters.values();
    if (config.sliceP() == 1) {
      run.forEachChunk(
          gradients,
          chunk ->
              update.accept(chunk.of(gradients), chunk.of(flat), chunk.of(origin), chunk.of(sum)));
      return;
    }
    for (int index = run.firstSlot(); index < run.endSlot(); index++) {
      ParameterLayout.Slot slot = parameters.layout().slots().get(index);
      long end = slot.offset() + slot.length();
      long length = Math.ceilDiv(slot.length(), config.sliceP());
      try (Scope _ = new Scope()) {
        update.accept(
            gradients.slice(0, slot.offset(), end, config.sliceP()),
            flat.slice(0, slot.offset(), end, config.sliceP()),
            origin.narrow(0, slicedOffsets[index], length),
            sum.narrow(0, slicedOffsets[index], length));
      }
    }
  }

  @Override
  public OptionalDouble stepSizeEstimate(int group) {
    return OptionalDouble.of(d);
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = state.view();
    started.saveTo(saved);
    saved.put("prodigy", Ops.of(new double[] {d, largestD, numerator, updates}, 4));
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    started.restore(saved);
    double[] numbers = StateTensors.require(saved, "prodigy", 4).toDoubles();
    d = numbers[0];
    largestD = numbers[1];
    numerator = numbers[2];
    updates = numbers[3];
  }

  @Override
  public void close() {
    state.close();
    progress.close();
  }
}
