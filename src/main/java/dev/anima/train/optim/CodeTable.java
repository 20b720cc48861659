package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.lang.foreign.MemorySegment;

/// Block-wise 8-bit coding: 256 neighbours share one scale, their largest absolute value.
final class CodeTable implements AutoCloseable {
  static final int BLOCK = 256;

  private final KernelOrder order;
  private final Tensor values;

  /// CPU order: code of each step. CUDA order: upper edge of each code.
  private final Tensor codesOrEdges;

  CodeTable(DynamicMap map, KernelOrder order, Device device) {
    this.order = order;
    try (Scope _ = new Scope()) {
      values = Ops.of(map.numbers(), 256).to(device).retain();
      codesOrEdges =
          switch (order) {
            case CPU -> bytes(map.lookup()).to(device).retain();
            case CUDA -> Ops.of(map.edges(), 255).to(device).retain();
          };
    }
  }

  /// @param codes `(n)` uint8
  /// @param scales `(ceil(n / 256))` float32
  /// @return `(n)` float32
  Tensor dequantise(Tensor codes, Tensor scales) {
    Tensor unscaled = values.indexSelect(0, codes.to(Dtype.I32));
    return blocks(unscaled).mul_(scales.unsqueeze(1)).flatten().narrow(0, 0, codes.numel());
  }

  /// Codes `numbers` into `codes` and `scales`.
  ///
  /// @param numbers `(n)` float32
  void quantise(Tensor numbers, Tensor codes, Tensor scales) {
    Tensor blocks = blocks(numbers);
    Tensor largest = blocks.abs().amax(true, 1); // (blocks, 1)
    Tensor zero = largest.eq(0);
    Tensor relative = blocks.mul(largest.reciprocal().maskedFill_(zero, 0));
    Tensor coded =
        switch (order) {
          case CPU -> lookUp(relative).view(-1, BLOCK).maskedFill_(zero, 0);
          case CUDA -> Ops.bucketize(relative, codesOrEdges);
        };
    codes.copy_(coded.flatten().narrow(0, 0, codes.numel()));
    scales.copy_(largest.squeeze(1));
  }

  private Tensor lookUp(Tensor relative) {
    Tensor index =
        relative
            .add_(1)
            .mul_(0.5)
            .mul_(DynamicMap.LOOKUP_SIZE - 1)
            .add_(0.5)
            .to(Dtype.I32)
            .clamp_(0L, DynamicMap.LOOKUP_SIZE - 1L);
    return codesOrEdges.indexSelect(0, index.flatten());
  }

  /// `(n)` as `(ceil(n / 256), 256)`, the last block filled up with zeros.
  private static Tensor blocks(Tensor flat) {
    long rest = flat.numel() % BLOCK;
    return (rest == 0 ? flat : Ops.pad(flat, 0, BLOCK - rest)).view(-1, BLOCK);
  }

  private static Tensor bytes(byte[] values) {
    Tensor tensor = Ops.empty(Dtype.U8, Device.CPU, values.length);
    tensor.memory().copyFrom(MemorySegment.ofArray(values));
    return tensor;
  }

  @Override
  public void close() {
    values.close();
    codesOrEdges.close();
  }
}
