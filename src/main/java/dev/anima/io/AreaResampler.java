package dev.anima.io;

import java.util.Arrays;

/// OpenCV's INTER_AREA for shrinking 8-bit images, bit for bit (4.10, x86-64).
///
/// Whole-numbered shrinking averages blocks; anything else weights the source cells by the area
/// that an output cell covers, first along the rows, then down the columns, in float32.
final class AreaResampler {
  private static final double DOUBLE_EPSILON = 2.220446049250313e-16;

  private AreaResampler() {}

  /// `width` and `height` must not exceed the image's.
  static Pixels shrink(Pixels image, int width, int height) {
    // OpenCV computes the scale by way of its inverse, which rounds twice
    double scaleX = 1.0 / ((double) width / image.width());
    double scaleY = 1.0 / ((double) height / image.height());
    int wholeX = (int) Math.rint(scaleX);
    int wholeY = (int) Math.rint(scaleY);
    if (Math.abs(scaleX - wholeX) < DOUBLE_EPSILON && Math.abs(scaleY - wholeY) < DOUBLE_EPSILON) {
      return averageBlocks(image, width, height, wholeX, wholeY);
    }
    return weightCells(
        image, new Cells(image.width(), width, scaleX), new Cells(image.height(), height, scaleY));
  }

  private static Pixels averageBlocks(Pixels image, int width, int height, int nx, int ny) {
    Pixels result = Pixels.blank(width, height, image.channels());
    int channels = image.channels();
    int rowBytes = image.width() * channels;
    byte[] in = image.data();
    byte[] out = result.data();
    float factor = 1f / (nx * ny);
    boolean twoByTwo = nx == 2 && ny == 2;
    int[] sums = new int[width * channels];
    for (int y = 0; y < height; y++) {
      Arrays.fill(sums, 0);
      for (int row = y * ny; row < (y + 1) * ny; row++) {
        addBlocks(sums, in, row * rowBytes, nx, channels);
      }
      int to = y * sums.length;
      for (int i = 0; i < sums.length; i++) {
        out[to + i] = (byte) (twoByTwo ? (sums[i] + 2) >> 2 : round(sums[i] * factor));
      }
    }
    return result;
  }

  private static void addBlocks(int[] sums, byte[] in, int row, int nx, int channels) {
    int blockBytes = nx * channels;
    for (int i = 0; i < sums.length; i++) {
      int from = row + i / channels * blockBytes + i % channels;
      int sum = 0;
      for (int k = 0; k < nx; k++) {
        sum += in[from + k * channels] & 0xFF;
      }
      sums[i] += sum;
    }
  }

  /// Which source cells an output cell covers along one axis, and by how much: entries `start[i]`
  /// up to `start[i + 1]` of `source` and `weight` belong to output `i`.
  private static final class Cells {
    final int[] start;
    final int[] source;
    final float[] weight;

    Cells(int in, int out, double scale) {
      start = new int[out + 1];
      int[] sources = new int[in + 2 * out];
      float[] weights = new float[in + 2 * out];
      int n = 0;
      for (int i = 0; i < out; i++) {
        double from = i * scale;
        double to = from + scale;
        double cell = Math.min(scale, in - from);
        int last = Math.min((int) Math.floor(to), in - 1);
        int first = Math.min((int) Math.ceil(from), last);
        start[i] = n;
        if (first - from > 1e-3) {
          sources[n] = first - 1;
          weights[n++] = (float) ((first - from) / cell);
        }
        for (int j = first; j < last; j++) {
          sources[n] = j;
          weights[n++] = (float) (1.0 / cell);
        }
        if (to - last > 1e-3) {
          sources[n] = last;
          weights[n++] = (float) (Math.min(Math.min(to - last, 1.0), cell) / cell);
        }
      }
      start[out] = n;
      source = Arrays.copyOf(sources, n);
      weight = Arrays.copyOf(weights, n);
    }

    int outputs() {
      return start.length - 1;
    }
  }

  private static Pixels weightCells(Pixels image, Cells columns, Cells rows) {
    int channels = image.channels();
    Pixels result = Pixels.blank(columns.outputs(), rows.outputs(), channels);
    int rowBytes = image.width() * channels;
    float[] reduced = new float[columns.outputs() * channels];
    float[] sums = new float[reduced.length];
    int reducedRow = -1;
    for (int y = 0; y < rows.outputs(); y++) {
      Arrays.fill(sums, 0f);
      for (int k = rows.start[y]; k < rows.start[y + 1]; k++) {
        // neighbouring outputs share a source row: it is reduced once
        if (rows.source[k] != reducedRow) {
          reducedRow = rows.source[k];
          reduceRow(reduced, image.data(), reducedRow * rowBytes, columns, channels);
        }
        addScaled(sums, reduced, rows.weight[k]);
      }
      roundRow(sums, result.data(), y * sums.length);
    }
    return result;
  }

  private static void reduceRow(float[] out, byte[] in, int row, Cells columns, int channels) {
    if (channels == 3) {
      reduceRow3(out, in, row, columns);
      return;
    }
    for (int x = 0; x < columns.outputs(); x++) {
      for (int c = 0; c < channels; c++) {
        float sum = 0;
        for (int k = columns.start[x]; k < columns.start[x + 1]; k++) {
          sum += (in[row + columns.source[k] * channels + c] & 0xFF) * columns.weight[k];
        }
        out[x * channels + c] = sum;
      }
    }
  }

  private static void reduceRow3(float[] out, byte[] in, int row, Cells columns) {
    for (int x = 0; x < columns.outputs(); x++) {
      float r = 0;
      float g = 0;
      float b = 0;
      for (int k = columns.start[x]; k < columns.start[x + 1]; k++) {
        int from = row + columns.source[k] * 3;
        float weight = columns.weight[k];
        r += (in[from] & 0xFF) * weight;
        g += (in[from + 1] & 0xFF) * weight;
        b += (in[from + 2] & 0xFF) * weight;
      }
      out[x * 3] = r;
      out[x * 3 + 1] = g;
      out[x * 3 + 2] = b;
    }
  }

  private static void addScaled(float[] sums, float[] row, float weight) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += row[i] * weight;
    }
  }

  private static void roundRow(float[] sums, byte[] out, int row) {
    for (int i = 0; i < sums.length; i++) {
      out[row + i] = (byte) round(sums[i]);
    }
  }

  /// To nearest, ties to even, within 0..255: adding 1.5 * 2^23 leaves no fraction bits.
  private static int round(float value) {
    float shifted = value + 12582912f;
    return Math.clamp((int) (shifted - 12582912f), 0, 255);
  }
}
