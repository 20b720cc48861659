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
  /// Floating-point operations per second with the device a run would use; empty where measuring
  /// would take long.
  ///
  /// @param device as `--device` has it
  OptionalDouble flopsPerSecond(String device, Dtype dtype);

  /// Not known.
  Speed UNKNOWN = (_, _) -> OptionalDouble.empty();

  /// Measured on the CPU, in about a fifth of a second. Waking up a GPU takes longer than that.
  Speed MEASURED =
      (device, dtype) -> {
        boolean cpu = device.equals("cpu") || (device.equals("auto") && Device.best().isCpu());
        return cpu ? OptionalDouble.of(measure(dtype)) : OptionalDouble.empty();
      };

  private static double measure(Dtype dtype) {
    long side = 768;
    long budgetNanos = 200_000_000;
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor matrix = Ops.zeros(dtype, Device.CPU, side, side);
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
      var _ = matrix.matmul(matrix);
    }
  }
}
