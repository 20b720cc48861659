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

  /// What libtorch's fused attention on the CPU holds of the scores: a tile for every thread.
  void tiles(Ledger ledger, long queries, long keys, long headSize) {
    if (isCpu()) {
      long rows = queries >= 768 ? 256 : queries >= 192 ? 64 : 32;
      long tile = rows * Math.min(512, keys) + rows * headSize;
      ledger.brief(
          "tiles of scores", Runtime.getRuntime().availableProcessors() * tile * Float.BYTES);
    }
  }

  /// What oneDNN takes for packing a matrix product, as counted: up to 1.5 MB.
  ///
  /// @param elements of the result
  void product(Ledger ledger, long elements) {
    if (copiesToWiden()) {
      ledger.brief("packing of a product", Math.min(3L << 19, elements * bytes() / 2));
    }
  }
}
