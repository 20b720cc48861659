package dev.anima.dataset;

/// Sums as numpy does, so that means in the metadata agree to the last bit.
final class PairwiseSum {
  private static final int LANES = 8;
  private static final int BLOCK = 128;

  private PairwiseSum() {}

  static double of(double[] values) {
    return sum(values, 0, values.length);
  }

  private static double sum(double[] values, int from, int length) {
    if (length < LANES) {
      double total = 0;
      for (int i = 0; i < length; i++) {
        total += values[from + i];
      }
      return total;
    }
    if (length > BLOCK) {
      int half = length / 2;
      half -= half % LANES;
      return sum(values, from, half) + sum(values, from + half, length - half);
    }
    double[] lanes = new double[LANES];
    int whole = length - length % LANES;
    for (int i = 0; i < whole; i++) {
      lanes[i % LANES] += values[from + i];
    }
    double total =
        ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
            + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    for (int i = whole; i < length; i++) {
      total += values[from + i];
    }
    return total;
  }
}
