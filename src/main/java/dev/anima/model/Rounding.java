package dev.anima.model;

import dev.anima.engine.Dtype;

/// What a float32 number becomes in a narrower dtype.
public final class Rounding {
  private Rounding() {}

  /// `value` rounded to nearest (ties to even) in `dtype`.
  public static float to(Dtype dtype, float value) {
    return switch (dtype) {
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
      case BF16 -> {
        int bits = Float.floatToIntBits(value);
        int even = bits >>> 16 & 1;
        yield Float.intBitsToFloat(bits + 0x7FFF + even & 0xFFFF0000);
      }
      case F32, F64 -> value;
      case F8_E4M3, I64, I32, I8, U8, BOOL ->
          throw new IllegalArgumentException(dtype + " is not a type to compute in");
    };
  }
}
