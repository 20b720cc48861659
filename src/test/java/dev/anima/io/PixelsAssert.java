package dev.anima.io;

import static org.assertj.core.api.Assertions.assertThat;

/// Compares images byte by byte.
final class PixelsAssert {
  private PixelsAssert() {}

  static int maxAbsDiff(Pixels actual, Pixels expected) {
    assertThat(actual.toString()).isEqualTo(expected.toString());
    int max = 0;
    for (int i = 0; i < actual.data().length; i++) {
      max = Math.max(max, Math.abs((actual.data()[i] & 0xFF) - (expected.data()[i] & 0xFF)));
    }
    return max;
  }

  static double meanAbsDiff(Pixels actual, Pixels expected) {
    long sum = 0;
    for (int i = 0; i < actual.data().length; i++) {
      sum += Math.abs((actual.data()[i] & 0xFF) - (expected.data()[i] & 0xFF));
    }
    return (double) sum / actual.data().length;
  }

  static void assertClose(String what, Pixels actual, Pixels expected, int maxAbs) {
    assertThat(maxAbsDiff(actual, expected)).as(what).isLessThanOrEqualTo(maxAbs);
  }
}
