package dev.anima.io;

import java.util.Optional;

/// Element types of `.npy` arrays that this program reads and writes, little endian.
public enum NpyType {
  FLOAT16("<f2", 2),
  FLOAT32("<f4", 4),
  FLOAT64("<f8", 8),
  INT32("<i4", 4),
  INT64("<i8", 8),
  UINT8("|u1", 1),
  BOOL("|b1", 1);

  private final String descriptor;
  private final int elementBytes;

  NpyType(String descriptor, int elementBytes) {
    this.descriptor = descriptor;
    this.elementBytes = elementBytes;
  }

  /// As numpy's `dtype.str`, such as `<f4`.
  public String descriptor() {
    return descriptor;
  }

  public int elementBytes() {
    return elementBytes;
  }

  static Optional<NpyType> described(String descriptor) {
    for (NpyType type : values()) {
      if (type.descriptor.equals(descriptor)) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }
}
