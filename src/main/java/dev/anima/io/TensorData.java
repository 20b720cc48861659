package dev.anima.io;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// One tensor to be written: its name in the file and its bytes in C order, little endian.
///
/// @param dtype as safetensors names it, such as `F32` or `BF16`
/// @param shape empty for a scalar
/// @param bytes read while the file is written, not kept
public record TensorData(String name, String dtype, List<Long> shape, MemorySegment bytes) {
  public TensorData {
    shape = List.copyOf(shape);
    SafetensorsDtype type =
        SafetensorsDtype.named(dtype)
            .orElseThrow(() ->
                new IllegalArgumentException("tensor " + name + " has the unknown dtype " + dtype));
    long expected = type.elementBytes();
    for (long extent : shape) {
      expected = Math.multiplyExact(expected, extent);
    }
    if (expected != bytes.byteSize()) {
      throw new IllegalArgumentException(
          "tensor %s of %s%s needs %d bytes, got %d"
              .formatted(name, dtype, shape, expected, bytes.byteSize()));
    }
  }

  SafetensorsDtype type() {
    return SafetensorsDtype.valueOf(dtype);
  }
}
