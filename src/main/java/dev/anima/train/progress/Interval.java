package dev.anima.train.progress;

import java.util.List;

/// A mean and how far the true one may be from it, with 95 % confidence.
///
/// @param half half the width of the interval; 0 where there is one value only, about whose spread
///   nothing is known
/// @param values how many observations, at least 1
public record Interval(double mean, double half, int values) {
  /// 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom.
  private static final double[] QUANTILES = {
    12.7062047, 4.3026527, 3.1824463, 2.7764451, 2.5705818, 2.4469119, 2.3646243, 2.3060041,
    2.2621572, 2.2281389, 2.2009852, 2.1788128, 2.1603687, 2.1447867, 2.1314495, 2.1199053,
    2.1098156, 2.1009220, 2.0930241, 2.0859634
  };

  private static final double NORMAL = 1.959963985;

  /// `mean +- t(n - 1) * s / sqrt(n)`, with s the deviation of the sample (over n - 1).
  ///
  /// @param values independent observations, at least one
  public static Interval of(List<Double> values) {
    int n = values.size();
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    double mean = sum / n;
    if (n == 1) {
      return new Interval(mean, 0, 1);
    }
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return new Interval(mean, quantile(n - 1) * Math.sqrt(squares / (n - 1) / n), n);
  }

  /// The 97.5 % quantile of Student's t. Above the table: the expansion around the normal quantile
  /// (Abramowitz and Stegun, 26.7.5), right to 5 decimals there.
  static double quantile(int freedom) {
    if (freedom <= QUANTILES.length) {
      return QUANTILES[freedom - 1];
    }
    double z = NORMAL;
    double cube = z * z * z;
    double fifth = cube * z * z;
    return z
        + (cube + z) / (4.0 * freedom)
        + (5 * fifth + 16 * cube + 3 * z) / (96.0 * freedom * freedom)
        + (3 * fifth * z * z + 19 * fifth + 17 * cube - 15 * z)
            / (384.0 * freedom * freedom * freedom);
  }

  /// The whole interval is below 0.
  public boolean isBelowZero() {
    return values > 1 && mean + half < 0;
  }

  /// The whole interval is above 0.
  public boolean isAboveZero() {
    return values > 1 && mean - half > 0;
  }
}
