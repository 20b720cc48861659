package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;

/// One running average of a block-wise optimizer: 8-bit codes for large tensors, float32 for small
/// ones.
final class Moment implements AutoCloseable {
  private final CodeTable table;
  private final BlockPlan plan;
  private final Tensor codes;
  private final Tensor scales;
  private final Tensor small;

  /// @param name in checkpoints: `NAME.codes`, `NAME.absmax`, `NAME.small`
  Moment(
      String name,
      DynamicMap map,
      KernelOrder order,
      BlockPlan plan,
      StateTensors state,
      Device device) {
    this.plan = plan;
    table = new CodeTable(map, order, device);
    codes = state.zeros(name + ".codes", Dtype.U8, device, plan.codedSize());
    scales = state.zeros(name + ".absmax", Dtype.F32, device, plan.blocks());
    small = state.zeros(name + ".small", Dtype.F32, device, plan.smallSize());
  }

  /// The values for one piece of a run: a view for small tensors, else a decoded copy.
  Tensor read(Run run, Run.Chunk chunk) {
    if (plan.isSmall(run.firstSlot())) {
      return small.narrow(0, plan.offset(run.firstSlot()) + chunk.start(), chunk.length());
    }
    return table.dequantise(codesOf(run, chunk), scalesOf(run, chunk));
  }

  /// Keeps `values`, which [#read] gave and the caller has changed.
  void write(Run run, Run.Chunk chunk, Tensor values) {
    if (!plan.isSmall(run.firstSlot())) {
      table.quantise(values, codesOf(run, chunk), scalesOf(run, chunk));
    }
  }

  private Tensor codesOf(Run run, Run.Chunk chunk) {
    return codes.narrow(0, plan.offset(run.firstSlot()) + chunk.start(), chunk.length());
  }

  private Tensor scalesOf(Run run, Run.Chunk chunk) {
    long first = plan.block(run.firstSlot()) + chunk.start() / CodeTable.BLOCK;
    return scales.narrow(0, first, Math.ceilDiv(chunk.length(), CodeTable.BLOCK));
  }

  @Override
  public void close() {
    table.close();
  }
}
