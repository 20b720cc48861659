package dev.anima.train.optim;

import dev.anima.engine.Device;

/// Which kernels of bitsandbytes an 8-bit optimizer follows; they differ far below the quantisation
/// noise.
public enum KernelOrder {
  /// Decay before the update; codes from a table of 65536 steps.
  CPU,
  /// Decay after the update; nearest code, but never one of the other sign; values with a gradient
  /// that is not finite stay as they are.
  CUDA;

  /// The kernels the reference would use there.
  static KernelOrder of(Device device) {
    return device.isCpu() ? CPU : CUDA;
  }
}
