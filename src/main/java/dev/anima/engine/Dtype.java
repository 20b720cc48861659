package dev.anima.engine;

import org.bytedeco.pytorch.global.torch.ScalarType;

/// Element types the program uses, named as safetensors names them in its headers.
public enum Dtype {
  F64(ScalarType.Double, 8, "F64"),
  F32(ScalarType.Float, 4, "F32"),
  F16(ScalarType.Half, 2, "F16"),
  BF16(ScalarType.BFloat16, 2, "BF16"),
  /// 4 bits of exponent, 3 of mantissa, largest 448, no infinity: for storage only.
  F8_E4M3(ScalarType.Float8_e4m3fn, 1, "F8_E4M3"),
  I64(ScalarType.Long, 8, "I64"),
  I32(ScalarType.Int, 4, "I32"),
  I8(ScalarType.Char, 1, "I8"),
  U8(ScalarType.Byte, 1, "U8"),
  BOOL(ScalarType.Bool, 1, "BOOL");

  final ScalarType scalarType;
  private final int bytes;
  private final String safetensorsName;

  Dtype(ScalarType scalarType, int bytes, String safetensorsName) {
    this.scalarType = scalarType;
    this.bytes = bytes;
    this.safetensorsName = safetensorsName;
  }

  /// Size of one element in bytes.
  public int bytes() {
    return bytes;
  }

  public String safetensorsName() {
    return safetensorsName;
  }

  /// 16-bit floating types, in which long sums need care.
  public boolean isReduced() {
    return this == F16 || this == BF16;
  }

  static Dtype of(ScalarType type) {
    for (Dtype dtype : values()) {
      if (dtype.scalarType.value == type.value) {
        return dtype;
      }
    }
    throw new IllegalArgumentException("libtorch dtype without a name here: " + type);
  }

  /// The dtype a safetensors header calls `name`, such as `BF16`.
  public static Dtype ofSafetensors(String name) {
    for (Dtype dtype : values()) {
      if (dtype.safetensorsName.equals(name)) {
        return dtype;
      }
    }
    throw new IllegalArgumentException("no dtype is called " + name);
  }
}
