package dev.anima.lint;

import dev.anima.io.Pixels;
import java.util.Arrays;

/// Two hashes of 64 bits that hardly change when an image is resized or compressed again: of the
/// differences between neighbours, and of the low frequencies (DCT). Images are alike where both
/// are.
///
/// @param difference bit set where a pixel of the 9 x 8 image is darker than its right neighbour
/// @param frequency bit set where a DCT coefficient is above the median
record PerceptualHash(long difference, long frequency) {
  private static final int GRID = 32;
  private static final int LOW = 8;
  private static final double[][] COSINES = cosines();

  private static double[][] cosines() {
    double[][] table = new double[LOW][GRID];
    for (int u = 0; u < LOW; u++) {
      for (int x = 0; x < GRID; x++) {
        table[u][x] = Math.cos((2 * x + 1) * u * Math.PI / (2 * GRID));
      }
    }
    return table;
  }

  /// @param rgb 3 channels
  static PerceptualHash of(Pixels rgb) {
    return new PerceptualHash(
        difference(averages(rgb, LOW + 1, LOW)), frequency(averages(rgb, GRID, GRID)));
  }

  /// Whether neither hash differs in more than `distance` bits.
  boolean isNear(PerceptualHash other, int distance) {
    return distance(other) <= distance;
  }

  /// Bits in which the hashes differ, of the two the more.
  int distance(PerceptualHash other) {
    return Math.max(
        Long.bitCount(difference ^ other.difference), Long.bitCount(frequency ^ other.frequency));
  }

  /// Brightness of a grid of boxes, `[row][column]`.
  private static double[][] averages(Pixels rgb, int columns, int rows) {
    double[][] sums = new double[rows][columns];
    int[][] counts = new int[rows][columns];
    byte[] data = rgb.data();
    int at = 0;
    for (int y = 0; y < rgb.height(); y++) {
      int row = (int) ((long) y * rows / rgb.height());
      for (int x = 0; x < rgb.width(); x++) {
        int column = (int) ((long) x * columns / rgb.width());
        int red = data[at] & 0xff;
        int green = data[at + 1] & 0xff;
        int blue = data[at + 2] & 0xff;
        sums[row][column] += 299 * red + 587 * green + 114 * blue;
        counts[row][column]++;
        at += 3;
      }
    }
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        // An image smaller than the grid leaves boxes empty: they repeat the one before.
        boolean empty = counts[row][column] == 0;
        sums[row][column] =
            !empty
                ? sums[row][column] / counts[row][column] / 1000
                : column > 0 ? sums[row][column - 1] : row > 0 ? sums[row - 1][column] : 0;
      }
    }
    return sums;
  }

  private static long difference(double[][] grey) {
    long bits = 0;
    for (double[] row : grey) {
      for (int x = 0; x < LOW; x++) {
        bits = bits << 1 | (row[x] < row[x + 1] ? 1 : 0);
      }
    }
    return bits;
  }

  private static long frequency(double[][] grey) {
    double[] low = new double[LOW * LOW];
    for (int v = 0; v < LOW; v++) {
      for (int u = 0; u < LOW; u++) {
        double sum = 0;
        for (int y = 0; y < GRID; y++) {
          for (int x = 0; x < GRID; x++) {
            sum += grey[y][x] * COSINES[v][y] * COSINES[u][x];
          }
        }
        low[v * LOW + u] = sum;
      }
    }
    double[] sorted = low.clone();
    sorted[0] = sorted[1]; // the mean brightness says nothing about the picture
    Arrays.sort(sorted);
    double median = (sorted[LOW * LOW / 2 - 1] + sorted[LOW * LOW / 2]) / 2;
    long bits = 0;
    for (int i = 0; i < low.length; i++) {
      bits = bits << 1 | (i > 0 && low[i] > median ? 1 : 0);
    }
    return bits;
  }
}
