package dev.anima.io;

import java.util.Optional;

/// Element types of the safetensors format, in the order of their rank: a file stores the tensors
/// of the highest rank first.
///
/// The order is that of the `Dtype` enumeration of safetensors 0.4.5.
enum SafetensorsDtype {
  BOOL(1),
  U8(1),
  I8(1),
  F8_E5M2(1),
  F8_E4M3(1),
  I16(2),
  U16(2),
  F16(2),
  BF16(2),
  I32(4),
  U32(4),
  F32(4),
  F64(8),
  I64(8),
  U64(8);

  private final int elementBytes;

  SafetensorsDtype(int elementBytes) {
    this.elementBytes = elementBytes;
  }

  int elementBytes() {
    return elementBytes;
  }

  static Optional<SafetensorsDtype> named(String name) {
    for (SafetensorsDtype dtype : values()) {
      if (dtype.name().equals(name)) {
        return Optional.of(dtype);
      }
    }
    return Optional.empty();
  }
}
