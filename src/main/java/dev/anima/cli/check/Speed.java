package dev.anima.cli.check;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.OptionalDouble;

/// How fast this machine multiplies matrices.
@FunctionalInterface
interface Speed {
  /// Floating-point operations per second with the device a run would use; empty if that is not to
  /// be found out.
  ///
  /// @param device as `--device` has it
  OptionalDouble flopsPerSecond(String device, Dtype dtype);

  /// Not asked for.
  Speed UNKNOWN = (_, _) -> OptionalDouble.empty();

  /// Measured in a fifth of a second, beside the seconds that loading libtorch takes.
  Speed MEASURED =
      (device, dtype) ->
          OptionalDouble.of(
              measure(device.equals("auto") ? Device.best() : Device.parse(device), dtype));

  private static double measure(Device device, Dtype dtype) {
    long side = device.isCpu() ? 768 : 4096;
    long budgetNanos = 200_000_000;
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor matrix = Ops.zeros(dtype, device, side, side);
      multiply(matrix);
      long start = System.nanoTime();
      long now = start;
      int products = 0;
      while (now - start < budgetNanos) {
        multiply(matrix);
        products++;
        now = System.nanoTime();
      }
      return 2.0 * side * side * side * products / (now - start) * 1e9;
    }
  }

  private static void multiply(Tensor matrix) {
    try (Scope _ = new Scope()) {
      var _ = matrix.matmul(matrix).max().item(); // waits for a GPU
    }
  }
}
