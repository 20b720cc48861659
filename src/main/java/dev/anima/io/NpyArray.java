package dev.anima.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/// One numpy array: C order, little endian.
///
/// @param shape empty for a scalar
/// @param bytes the elements; on the heap when read from a file
public record NpyArray(NpyType type, List<Integer> shape, MemorySegment bytes) {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  public NpyArray {
    shape = List.copyOf(shape);
    long expected = type.elementBytes();
    for (int extent : shape) {
      expected = Math.multiplyExact(expected, extent);
    }
    if (expected != bytes.byteSize()) {
      throw new IllegalArgumentException(
          "%s%s needs %d bytes, got %d".formatted(type, shape, expected, bytes.byteSize()));
    }
  }

  /// float32 elements, copied. No extents: a scalar.
  public static NpyArray ofFloats(float[] values, Integer... shape) {
    MemorySegment bytes = allocate(values.length, NpyType.FLOAT32);
    MemorySegment.copy(values, 0, bytes, FLOAT, 0, values.length);
    return new NpyArray(NpyType.FLOAT32, List.of(shape), bytes);
  }

  /// The values rounded to float16 (to nearest, ties to even). No extents: a scalar.
  public static NpyArray ofFloatsAsHalf(float[] values, Integer... shape) {
    MemorySegment bytes = allocate(values.length, NpyType.FLOAT16);
    for (int i = 0; i < values.length; i++) {
      bytes.setAtIndex(SHORT, i, Float.floatToFloat16(values[i]));
    }
    return new NpyArray(NpyType.FLOAT16, List.of(shape), bytes);
  }

  /// float64 elements, copied. No extents: a scalar.
  public static NpyArray ofDoubles(double[] values, Integer... shape) {
    MemorySegment bytes = allocate(values.length, NpyType.FLOAT64);
    MemorySegment.copy(values, 0, bytes, DOUBLE, 0, values.length);
    return new NpyArray(NpyType.FLOAT64, List.of(shape), bytes);
  }

  /// int32 elements, copied. No extents: a scalar.
  public static NpyArray ofInts(int[] values, Integer... shape) {
    MemorySegment bytes = allocate(values.length, NpyType.INT32);
    MemorySegment.copy(values, 0, bytes, INT, 0, values.length);
    return new NpyArray(NpyType.INT32, List.of(shape), bytes);
  }

  /// int64 elements, copied. No extents: a scalar.
  public static NpyArray ofLongs(long[] values, Integer... shape) {
    MemorySegment bytes = allocate(values.length, NpyType.INT64);
    MemorySegment.copy(values, 0, bytes, LONG, 0, values.length);
    return new NpyArray(NpyType.INT64, List.of(shape), bytes);
  }

  /// uint8 elements, copied. No extents: a scalar.
  public static NpyArray ofBytes(byte[] values, Integer... shape) {
    return new NpyArray(NpyType.UINT8, List.of(shape), MemorySegment.ofArray(values.clone()));
  }

  private static MemorySegment allocate(int elements, NpyType type) {
    return MemorySegment.ofArray(new byte[Math.multiplyExact(elements, type.elementBytes())]);
  }

  /// Number of elements; 1 for a scalar.
  public int length() {
    return Math.toIntExact(bytes.byteSize() / type.elementBytes());
  }

  /// Element `i` in C order. int64 beyond 2^53 loses its last digits.
  public double doubleAt(int i) {
    return switch (type) {
      case FLOAT16 -> Float.float16ToFloat(bytes.getAtIndex(SHORT, i));
      case FLOAT32 -> bytes.getAtIndex(FLOAT, i);
      case FLOAT64 -> bytes.getAtIndex(DOUBLE, i);
      case INT32 -> bytes.getAtIndex(INT, i);
      case INT64 -> bytes.getAtIndex(LONG, i);
      case UINT8, BOOL -> Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, i));
    };
  }

  /// Element `i` in C order as an integer; fractions are cut off.
  public long longAt(int i) {
    return type == NpyType.INT64 ? bytes.getAtIndex(LONG, i) : (long) doubleAt(i);
  }

  /// All elements as float32.
  public float[] floats() {
    if (type == NpyType.FLOAT32) {
      return bytes.toArray(FLOAT);
    }
    float[] values = new float[length()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) doubleAt(i);
    }
    return values;
  }

  /// All elements as integers; fractions are cut off.
  public long[] longs() {
    long[] values = new long[length()];
    Arrays.setAll(values, this::longAt);
    return values;
  }

  /// All elements as float64.
  public double[] doubles() {
    double[] values = new double[length()];
    Arrays.setAll(values, this::doubleAt);
    return values;
  }
}
