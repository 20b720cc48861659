package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.List;
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

  /// Per slot, its offset in `rows` and `columns` (matrices) or `squares` (vectors).
  private final long[] rowOffsets;

  private final long[] columnOffsets;
  private final Tensor rows;
  private final Tensor columns;
  private final Tensor squares;

  /// Averaged updates; as small as can be without beta1.
  private final Tensor mean;

  Adafactor(OptimizerConfig.Adafactor config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    List<ParameterLayout.Slot> slots = parameters.layout().slots();
    steps = new StepCounts(parameters.layout());
    rowOffsets = new long[slots.size()];
    columnOffsets = new long[slots.size()];
    long rowSize = 0;
    long columnSize = 0;
    long vectorSize = 0;
    for (int i = 0; i < rowOffsets.length; i++) {
      ParameterLayout.Slot slot = slots.get(i);
      if (isMatrix(slot)) {
        rowOffsets[i] = rowSize;
        columnOffsets[i] = columnSize;
        rowSize += rowCount(slot);
        columnSize += columnCount(slot);
      } else {
        rowOffsets[i] = vectorSize;
        vectorSize += slot.length();
      }
    }
    Device device = parameters.values().device();
    rows = state.zeros("exp_avg_sq_row", Dtype.F32, device, rowSize);
    columns = state.zeros("exp_avg_sq_col", Dtype.F32, device, columnSize);
    squares = state.zeros("exp_avg_sq", Dtype.F32, device, vectorSize);
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
    Tensor stored = FlatParameters.view(parameters.values(), slot);
    Tensor values = stored.to(Dtype.F32);
    Tensor gradient = FlatParameters.view(gradients, slot).to(Dtype.F32);
    long step = steps.of(index);
    double factor = config.relativeStep() ? relativeStep(step) : learningRate;

    Tensor update = normalised(gradient, slot, index, step);
    update.div_(rms(update).div_(config.clipThreshold()).clampMin_(1));
    if (config.scaleParameter()) {
      Tensor rate = rms(values).clampMin_(config.epsilon2()).mul_(factor);
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
    values.sub_(update);
    if (stored.dtype() != Dtype.F32) {
      stored.copy_(values);
    }
  }

  private double relativeStep(long step) {
    double cap = config.warmupInit() ? 1e-6 * step : 1e-2;
    return Math.min(cap, 1 / Math.sqrt((double) step));
  }

  /// The gradient over the root of its (factored) second moment.
  private Tensor normalised(Tensor gradient, ParameterLayout.Slot slot, int index, long step) {
    double beta2 = 1 - Math.pow((double) step, config.decayRate());
    Tensor square = gradient.square().add_(config.epsilon1());
    if (!isMatrix(slot)) {
      Tensor average = squares.narrow(0, rowOffsets[index], slot.length());
      average.mul_(beta2).add_(square.flatten(), 1 - beta2);
      return average.rsqrt().view(slot.shapeArray()).mul_(gradient);
    }
    long[] shape = slot.shapeArray();
    long width = shape[shape.length - 1];
    long height = shape[shape.length - 2];
    Tensor row = rows.narrow(0, rowOffsets[index], rowCount(slot)).view(-1, height);
    Tensor column = columns.narrow(0, columnOffsets[index], columnCount(slot)).view(-1, width);
    Tensor matrices = square.view(-1, height, width);
    row.mul_(beta2).add_(matrices.mean(false, -1), 1 - beta2);
    column.mul_(beta2).add_(matrices.mean(false, -2), 1 - beta2);
    Tensor rowFactor = row.div(row.mean(true, -1)).rsqrt_().unsqueeze(-1);
    Tensor columnFactor = column.rsqrt().unsqueeze(-2);
    return rowFactor.mul(columnFactor).view(shape).mul_(gradient);
  }

  private Tensor averaged(Tensor update, ParameterLayout.Slot slot) {
    if (config.beta1().isEmpty()) {
      return update;
    }
    double beta1 = config.beta1().getAsDouble();
    return FlatParameters.view(mean, slot).mul_(beta1).add_(update, 1 - beta1);
  }

  /// Root of the mean square, on the device.
  private static Tensor rms(Tensor tensor) {
    return tensor.norm().div_(Math.sqrt((double) tensor.numel()));
  }

  private static boolean isMatrix(ParameterLayout.Slot slot) {
    return slot.shape().size() >= 2;
  }

  private static long rowCount(ParameterLayout.Slot slot) {
    return slot.length() / slot.shape().getLast();
  }

  private static long columnCount(ParameterLayout.Slot slot) {
    return slot.length() / slot.shape().get(slot.shape().size() - 2);
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
