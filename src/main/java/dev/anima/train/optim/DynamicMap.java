package dev.anima.train.optim;

import java.util.Arrays;

/// The 256 values an 8-bit state can have, relative to the largest of its block (Dettmers et al.
/// 2021, "dynamic" data type): seven decades, finer at the top.
enum DynamicMap {
  /// -0.993 to 1: first moments and momentum.
  SIGNED,
  /// 0 to 1: second moments.
  UNSIGNED;

  private static final int DECADES = 7;

  /// Resolution at which the CPU kernels of bitsandbytes look codes up.
  static final int LOOKUP_SIZE = 65536;

  /// Ascending.
  ///
  /// As bitsandbytes functional.py create_dynamic_map: decade i holds 2^i (signed) or 2^(i+1) means
  /// of neighbouring points of an even grid over 0.1 .. 1, times 10^(i-6); then 0 and 1.
  float[] numbers() {
    float[] values = new float[256];
    int count = 0;
    for (int decade = 0; decade < DECADES; decade++) {
      int means = 1 << (this == SIGNED ? decade : decade + 1);
      float scale = (float) Math.pow(10, decade - (DECADES - 1));
      for (int i = 0; i < means; i++) {
        float mean = scale * ((grid(i, means) + grid(i + 1, means)) / 2);
        values[count++] = mean;
        if (this == SIGNED) {
          values[count++] = -mean;
        }
      }
    }
    values[count++] = 0;
    values[count] = 1;
    Arrays.sort(values);
    return values;
  }

  /// `torch.linspace(0.1, 1, steps + 1)[i]` in float32, which works inwards from both ends and
  /// rounds once (its compiler fuses multiplication and addition).
  private static float grid(int i, int steps) {
    float step = (1f - 0.1f) / steps;
    return 2 * i < steps + 1 ? Math.fma(step, i, 0.1f) : Math.fma(-step, steps - i, 1f);
  }

  /// Upper edge of each code but the last: the middle between neighbours. For the signed map the
  /// edge between the smallest negative value and 0 moves to just below 0, so that no negative
  /// number loses its sign (as the CUDA kernels have it).
  float[] edges() {
    float[] edges = middles();
    if (this == SIGNED) {
      edges[126] = -Float.MIN_NORMAL;
    }
    return edges;
  }

  /// Code for each of [#LOOKUP_SIZE] even steps from -1 to 1, as the CPU kernels look it up.
  byte[] lookup() {
    float[] middles = middles();
    byte[] lookup = new byte[LOOKUP_SIZE];
    int code = 0;
    for (int i = 0; i < LOOKUP_SIZE; i++) {
      float value = -1f + (2f * i) / (LOOKUP_SIZE - 1);
      while (code < 255 && middles[code] < value) {
        code++;
      }
      lookup[i] = (byte) code;
    }
    return lookup;
  }

  private float[] middles() {
    float[] values = numbers();
    float[] middles = new float[255];
    for (int i = 0; i < middles.length; i++) {
      middles[i] = 0.5f * (values[i] + values[i + 1]);
    }
    return middles;
  }
}
