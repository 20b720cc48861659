package dev.anima.model;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;

/// Where a model's weights live and in which dtype it computes.
///
/// @param dtype of weights and activations: F32, BF16 or F16 (statistics of norms are always
///   float32, and attention on the CPU as well)
public record Placement(Device device, Dtype dtype, RotaryPrecision rotary) {
  /// float32 on the CPU.
  public static final Placement CPU_F32 = of(Device.CPU, Dtype.F32);

  public static Placement of(Device device, Dtype dtype) {
    return new Placement(device, dtype, RotaryPrecision.FLOAT32);
  }
}
