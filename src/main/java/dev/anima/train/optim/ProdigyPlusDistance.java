package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// The step sizes d of [ProdigyPlus], one per group or one for all, from every eleventh element of
/// each tensor. The device gathers; the host reads once an update.
final class ProdigyPlusDistance implements AutoCloseable {
  private static final long SLICE = 11;

  /// Limit on the growth of d in an update.
  private static final double GROWTH = Math.pow(2, 0.25);

  private static final double LEAST_LENGTH = 1e-8;

  private final OptimizerConfig.ProdigyPlus config;
  private final ParameterLayout layout;
  private final boolean split;
  private final DeviceSums sums;
  private final Started started;

  /// Per slot, where its slice begins in `origin` and `sum`.
  private final long[] sliceOffsets;

  private final Tensor origin;

  /// Running sum of the gradients; empty with `speed`.
  private final Tensor sum;

  /// With `speed`, per slot: averaged progress, largest sum of distances, largest length so far.
  private final Tensor lengths;

  private final double[] d;
  private final double[] numerators;
  private final double[] largestNumerators;

  ProdigyPlusDistance(
      OptimizerConfig.ProdigyPlus config, FlatParameters parameters, StateTensors state) {
    this.config = config;
    layout = parameters.layout();
    int groups = layout.groups().size();
    split = config.splitGroups() && groups > 1;
    Device device = parameters.values().device();
    sums = new DeviceSums(2 * groups, device);
    started = new Started(layout);
    List<ParameterLayout.Slot> slots = layout.slots();
    sliceOffsets = new long[slots.size()];
    long size = 0;
    for (int slot = 0; slot < sliceOffsets.length; slot++) {
      sliceOffsets[slot] = size;
      size += Math.ceilDiv(slots.get(slot).length(), SLICE);
    }
    // As the package: half precision is enough for these two.
    Dtype narrow =
        parameters.values().dtype() == Dtype.F32 ? Dtype.BF16 : parameters.values().dtype();
    origin = state.zeros("p0", narrow, device, size);
    sum = state.zeros("s", narrow, device, config.speed() ? 0 : size);
    lengths = state.zeros("lengths", Dtype.F32, device, config.speed() ? slots.size() : 0, 3);
    d = filled(groups, config.d0());
    numerators = new double[groups];
    largestNumerators = new double[groups];
  }

  private static double[] filled(int length, double value) {
    double[] values = new double[length];
    Arrays.fill(values, value);
    return values;
  }

  double of(int group) {
    return d[group];
  }

  /// Factor on a group's learning rate.
  double rateFactor(int group) {
    return split && config.meanOfGroups()
        ? d.length / Arrays.stream(d).map(one -> 1 / one).sum()
        : d[group];
  }

  /// Remembers where a slot begins, at its first gradient.
  ///
  /// @return whether it is the first
  boolean begin(int index, Tensor values) {
    if (started.slots().get(index)) {
      return false;
    }
    started.slots().set(index);
    sliced(origin, index).copy_(slice(values));
    return true;
  }

  private Tensor sliced(Tensor buffer, int index) {
    long length = Math.ceilDiv(layout.slots().get(index).length(), SLICE);
    return buffer.narrow(0, sliceOffsets[index], length);
  }

  private static Tensor slice(Tensor values) {
    Tensor flat = values.flatten();
    return flat.slice(0, 0, flat.numel(), SLICE);
  }

  void clear() {
    sums.clear();
  }

  /// Takes in a slot's gradient.
  ///
  /// @param values the weights that move without averaging, before they move
  /// @param step number of this update, from 1
  void measure(int index, Tensor gradient, Tensor values, long step) {
    if (frozen(step)) {
      return;
    }
    int group = layout.groupOf(index);
    int place = split ? 2 * group : 0;
    double weight = d[group] * d[group] / Math.sqrt(config.d0());
    Tensor part = slice(gradient);
    Tensor travelled = sliced(origin, index).sub(slice(values));
    Tensor progress = travelled.mul(part).sum();
    if (config.speed()) {
      measureSpeed(index, place, progress, travelled, weight, step);
      return;
    }
    sums.add(place, progress.mul(weight));
    Tensor total = sliced(sum, index).mul_(config.beta3()).add_(part, weight);
    sums.add(place + 1, total.abs().sum());
  }

  private void measureSpeed(
      int index, int place, Tensor progress, Tensor travelled, double weight, long step) {
    Tensor kept = lengths.select(0, index);
    Tensor averaged = kept.select(0, 0);
    Tensor distances = kept.select(0, 1);
    Tensor length = kept.select(0, 2);
    double decay = 1 - Math.pow((double) step, -0.75);
    // A length of 0 means that nothing has been measured.
    averaged.copy_(Ops.where(length.eq(0), progress, averaged));
    averaged.mul_(decay).add_(progress, 1 - decay);
    distances.copy_(distances.maximum(travelled.abs().sum()).clampMin_(LEAST_LENGTH));
    length.copy_(length.maximum(travelled.norm()).clampMin_(LEAST_LENGTH));
    Tensor caution = length.add(1).square(); // the further away, the less d grows
    sums.add(place, averaged.div(distances).div_(caution).mul_(weight));
  }

  private boolean frozen(long step) {
    return config.lastStep() > 0 && step >= config.lastStep();
  }

  /// Finds the d of the next update.
  void grow(long step) {
    if (frozen(step)) {
      return;
    }
    double[] measured = sums.read();
    if (split) {
      for (int group = 0; group < d.length; group++) {
        grow(group, measured[2 * group], measured[2 * group + 1]);
      }
      return;
    }
    grow(0, measured[0], measured[1]);
    Arrays.fill(d, d[0]);
  }

  private void grow(int group, double progress, double denominator) {
    double before = numerators[group];
    double numerator = before * config.beta3();
    // Steps back count only once there has been progress.
    if (d[group] > config.d0() || progress > 0) {
      numerator += progress;
    }
    numerators[group] = numerator;
    largestNumerators[group] = Math.max(numerator, largestNumerators[group]);
    if (config.speed()) {
      if (numerator >= largestNumerators[group] && numerator > 0 && before > 0) {
        double growth = Math.min(GROWTH, Math.sqrt(numerator / before));
        d[group] = Math.max(d[group], d[group] * growth * Math.pow(config.dCoefficient(), 0.125));
      }
    } else if (denominator > 0) {
      double estimate = numerator / denominator;
      if (config.limited()) {
        estimate = Math.min(d[group] * GROWTH, estimate);
      }
      d[group] = Math.max(d[group], estimate * config.dCoefficient());
    }
  }

  Started started() {
    return started;
  }

  void saveTo(Map<String, Tensor> state) {
    started.saveTo(state);
    state.put("d", Ops.of(d.clone(), d.length));
    state.put("d_numerator", Ops.of(numerators.clone(), d.length));
    state.put("max_d_numerator", Ops.of(largestNumerators.clone(), d.length));
  }

  void restore(Map<String, Tensor> state) {
    started.restore(state);
    restore(state, "d", d);
    restore(state, "d_numerator", numerators);
    restore(state, "max_d_numerator", largestNumerators);
  }

  private static void restore(Map<String, Tensor> state, String name, double[] target) {
    double[] saved = StateTensors.require(state, name, target.length).toDoubles();
    System.arraycopy(saved, 0, target, 0, target.length);
  }

  @Override
  public void close() {
    sums.close();
  }
}
