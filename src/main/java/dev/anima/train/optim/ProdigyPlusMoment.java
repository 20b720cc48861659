package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;
import java.util.List;

/// Second moment of [ProdigyPlus]: matrices as row and column means where a side is long enough,
/// everything else whole. With `focus` it is an average of the weights instead.
final class ProdigyPlusMoment {
  /// Matrices with both sides below this are kept whole.
  private static final long LEAST_FACTORED_SIDE = 32;

  private final OptimizerConfig.ProdigyPlus config;
  private final ParameterLayout layout;

  /// Per slot, its offsets in the two buffers.
  private final long[] rowOffsets;

  private final long[] columnOffsets;
  private final Tensor factors;
  private final Tensor whole;

  ProdigyPlusMoment(
      OptimizerConfig.ProdigyPlus config, FlatParameters parameters, StateTensors state) {
    this.config = config;
    layout = parameters.layout();
    List<ParameterLayout.Slot> slots = layout.slots();
    rowOffsets = new long[slots.size()];
    columnOffsets = new long[slots.size()];
    long factorSize = 0;
    long wholeSize = 0;
    for (int i = 0; i < rowOffsets.length; i++) {
      ParameterLayout.Slot slot = slots.get(i);
      if (isFactored(slot)) {
        rowOffsets[i] = factorSize;
        columnOffsets[i] = factorSize + slot.shape().getFirst();
        factorSize += slot.shape().getFirst() + slot.shape().getLast();
      } else {
        rowOffsets[i] = wholeSize;
        wholeSize += slot.length();
      }
    }
    Dtype dtype = parameters.values().dtype();
    Device device = parameters.values().device();
    factors =
        state.zeros(
            "exp_avg_sq_factors", config.factoredInFp32() ? Dtype.F32 : dtype, device, factorSize);
    whole = state.zeros("exp_avg_sq", dtype, device, wholeSize);
  }

  private boolean isFactored(ParameterLayout.Slot slot) {
    List<Long> shape = slot.shape();
    return config.factored()
        && !config.focus()
        && shape.size() == 2
        && Math.max(shape.getFirst(), shape.getLast()) >= LEAST_FACTORED_SIDE;
  }

  /// Takes in a gradient.
  ///
  /// @param gradient in the slot's shape, float32
  /// @param values the weights, for `focus`
  /// @param weight d squared
  void update(int index, Tensor gradient, Tensor values, double beta2, double weight) {
    ParameterLayout.Slot slot = layout.slots().get(index);
    double share = (1 - beta2) * weight;
    if (config.focus()) {
      wholeOf(index, slot).mul_(beta2).add_(values, share);
    } else if (isFactored(slot)) {
      Tensor squares = gradient.square();
      rowsOf(index, slot).mul_(beta2).add_(squares.mean(true, 1), share);
      columnsOf(index, slot).mul_(beta2).add_(squares.mean(true, 0), share);
    } else {
      wholeOf(index, slot).mul_(beta2).addcmul_(gradient, gradient, share);
    }
  }

  /// Root of the moment, or with `focus` the average itself; a copy.
  Tensor denominator(int index) {
    ParameterLayout.Slot slot = layout.slots().get(index);
    if (config.focus()) {
      return wholeOf(index, slot).copy();
    }
    if (!isFactored(slot)) {
      return wholeOf(index, slot).sqrt();
    }
    Tensor rows = rowsOf(index, slot);
    Tensor columns = columnsOf(index, slot);
    // The package calls the short side's means "rows" and divides them by their own mean. Of a tall
    // matrix it takes that mean over a side of extent 1, so only the long side's means count.
    boolean tall = slot.shape().getFirst() > slot.shape().getLast();
    Tensor relative =
        tall ? columns.div(columns.add(1e-30)) : rows.div(rows.mean(true, 0).add_(1e-30));
    return relative.mul(tall ? rows : columns).sqrt_();
  }

  private Tensor wholeOf(int index, ParameterLayout.Slot slot) {
    return whole.narrow(0, rowOffsets[index], slot.length()).view(slot.shapeArray());
  }

  private Tensor rowsOf(int index, ParameterLayout.Slot slot) {
    return factors.narrow(0, rowOffsets[index], slot.shape().getFirst()).view(-1, 1);
  }

  private Tensor columnsOf(int index, ParameterLayout.Slot slot) {
    return factors.narrow(0, columnOffsets[index], slot.shape().getLast()).view(1, -1);
  }
}
