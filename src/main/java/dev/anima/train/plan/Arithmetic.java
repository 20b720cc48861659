package dev.anima.train.plan;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;

/// Where and in which dtype a model computes, as far as memory depends on it.
///
/// @param compute dtype of weights and activations
public record Arithmetic(Device.Kind device, Dtype compute) {

  /// Bytes of an activation.
  int bytes() {
    return compute.bytes();
  }

  /// Bytes of an element of the residual stream: fp16 models have it in float32.
  int streamBytes() {
    return compute == Dtype.F16 ? Dtype.F32.bytes() : compute.bytes();
  }

  /// Bytes of an element of statistics.
  int statisticBytes() {
    return compute == Dtype.F64 ? Dtype.F64.bytes() : Dtype.F32.bytes();
  }

  boolean isCpu() {
    return device == Device.Kind.CPU;
  }

  boolean isReduced() {
    return compute.isReduced();
  }

  /// Whether an operation over two dtypes, or with a wider sum, first makes copies in the wider
  /// one. CUDA kernels convert on the way.
  boolean copiesToWiden() {
    return isCpu() && isReduced();
  }

  /// What oneDNN takes for packing a matrix product, as counted at the real width.
  void product(Ledger ledger) {
    if (copiesToWiden()) {
      ledger.brief("packing of a product", 3L << 19);
    }
  }
}
