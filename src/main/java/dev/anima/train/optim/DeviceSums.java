package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;

/// A few sums over all tensors, gathered on the device and read at once: one wait an update.
final class DeviceSums implements AutoCloseable {
  private final StateTensors owner = new StateTensors();
  private final Tensor sums;

  DeviceSums(int count, Device device) {
    // In double, where the device has it.
    Dtype dtype = device.kind() == Device.Kind.MPS ? Dtype.F32 : Dtype.F64;
    sums = owner.zeros("sums", dtype, device, count);
  }

  void clear() {
    sums.zero_();
  }

  /// Adds the sum of all `elements`, which is taken in float32 whatever their dtype.
  void addAll(int which, Tensor elements) {
    add(which, elements.flatten().sum(Dtype.F32, false, 0));
  }

  /// @param part a scalar
  void add(int which, Tensor part) {
    sums.select(0, which).add_(part);
  }

  /// Waits for the device.
  double[] read() {
    try (Scope _ = new Scope()) {
      return sums.toDoubles();
    }
  }

  @Override
  public void close() {
    owner.close();
  }
}
