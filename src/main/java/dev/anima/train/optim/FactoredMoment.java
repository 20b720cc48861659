package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;
import java.util.List;

/// Running mean of squares that keeps of a matrix only its row and column means (Shazeer and Stern
/// 2018), of a vector everything. Float32.
final class FactoredMoment {
  private final ParameterLayout layout;

  /// Per slot, its offset in `rows` and `columns` (matrices) or `whole` (vectors).
  private final long[] rowOffsets;

  private final long[] columnOffsets;
  private final Tensor rows;
  private final Tensor columns;
  private final Tensor whole;

  /// @param name in checkpoints: `NAME`, `NAME_row`, `NAME_col`
  FactoredMoment(String name, ParameterLayout layout, StateTensors state, Device device) {
    this.layout = layout;
    List<ParameterLayout.Slot> slots = layout.slots();
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
    rows = state.zeros(name + "_row", Dtype.F32, device, rowSize);
    columns = state.zeros(name + "_col", Dtype.F32, device, columnSize);
    whole = state.zeros(name, Dtype.F32, device, vectorSize);
  }

  static boolean isMatrix(ParameterLayout.Slot slot) {
    return slot.shape().size() >= 2;
  }

  /// Takes in `square` and gives one over the root of the mean, in the shape of the slot.
  ///
  /// @param index of the slot
  /// @param square in the slot's shape, float32
  /// @param decay share that stays of the old mean
  Tensor inverseRoot(int index, Tensor square, double decay) {
    ParameterLayout.Slot slot = layout.slots().get(index);
    long[] shape = slot.shapeArray();
    if (!isMatrix(slot)) {
      Tensor average = whole.narrow(0, rowOffsets[index], slot.length());
      average.mul_(decay).add_(square.flatten(), 1 - decay);
      return average.rsqrt().view(shape);
    }
    long width = shape[shape.length - 1];
    long height = shape[shape.length - 2];
    Tensor row = rows.narrow(0, rowOffsets[index], rowCount(slot)).view(-1, height);
    Tensor column = columns.narrow(0, columnOffsets[index], columnCount(slot)).view(-1, width);
    Tensor matrices = square.view(-1, height, width);
    row.mul_(decay).add_(matrices.mean(false, -1), 1 - decay);
    column.mul_(decay).add_(matrices.mean(false, -2), 1 - decay);
    Tensor rowFactor = row.div(row.mean(true, -1)).rsqrt_().unsqueeze(-1);
    Tensor columnFactor = column.rsqrt().unsqueeze(-2);
    return rowFactor.mul(columnFactor).view(shape);
  }

  /// Root of the mean square, on the device.
  static Tensor rms(Tensor tensor) {
    return tensor.norm().div_(Math.sqrt((double) tensor.numel()));
  }

  private static long rowCount(ParameterLayout.Slot slot) {
    return slot.length() / slot.shape().getLast();
  }

  private static long columnCount(ParameterLayout.Slot slot) {
    return slot.length() / slot.shape().get(slot.shape().size() - 2);
  }
}
