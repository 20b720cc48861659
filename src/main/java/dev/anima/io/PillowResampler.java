package dev.anima.io;

import java.util.Arrays;

/// Pillow's two-pass resize with fixed-point weights, bit for bit.
///
/// Per axis: `scale = n_in / n_out`, widened to at least 1 for the filter; output `x` is centred at
/// `(x + 0.5) * scale` and sums the inputs within the filter's support, with weights that sum to
/// 2^22. Between the passes values are rounded to 8 bits.
final class PillowResampler {
  /// 32 bits less 8 for the pixel and 2 for overshoot.
  private static final int PRECISION_BITS = 22;

  private static final int HALF = 1 << (PRECISION_BITS - 1);

  private PillowResampler() {}

  enum Filter {
    LANCZOS(3.0),
    BICUBIC(2.0),
    BOX(0.5);

    private final double support;

    Filter(double support) {
      this.support = support;
    }

    double weight(double x) {
      return switch (this) {
        case LANCZOS -> x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
        case BICUBIC -> cubic(Math.abs(x));
        case BOX -> x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
      };
    }

    /// Keys' cubic with a = -0.5, in the order of operations that Pillow has.
    private static double cubic(double x) {
      if (x < 1.0) {
        return (1.5 * x - 2.5) * x * x + 1;
      }
      return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0.0;
    }

    private static double sinc(double x) {
      if (x == 0.0) {
        return 1.0;
      }
      double angle = x * Math.PI;
      return Math.sin(angle) / angle;
    }
  }

  /// Per output position: the first input, how many, and their weights in a row of `stride`.
  private static final class Weights {
    final int[] first;
    final int[] count;
    final int[] fixed;
    final int stride;

    Weights(int in, int out, Filter filter) {
      double scale = (double) in / out;
      double filterScale = Math.max(scale, 1.0);
      double support = filter.support * filterScale;
      double inverse = 1.0 / filterScale;
      stride = (int) Math.ceil(support) * 2 + 1;
      first = new int[out];
      count = new int[out];
      fixed = new int[out * stride];
      double[] weights = new double[stride];
      for (int x = 0; x < out; x++) {
        double center = (x + 0.5) * scale;
        int from = Math.max(0, (int) (center - support + 0.5));
        int to = Math.min(in, (int) (center + support + 0.5));
        double sum = 0;
        for (int k = 0; k < to - from; k++) {
          weights[k] = filter.weight((k + from - center + 0.5) * inverse);
          sum += weights[k];
        }
        for (int k = 0; k < to - from; k++) {
          double weight = sum == 0 ? weights[k] : weights[k] / sum;
          double rounding = weight < 0 ? -0.5 : 0.5;
          fixed[x * stride + k] = (int) (rounding + weight * (1 << PRECISION_BITS));
        }
        first[x] = from;
        count[x] = to - from;
      }
    }
  }

  static Pixels resize(Pixels image, int width, int height, Filter filter) {
    if (image.channels() != 4) {
      return resizePlain(image, width, height, filter);
    }
    Pixels premultiplied = premultiply(image);
    return unpremultiply(resizePlain(premultiplied, width, height, filter));
  }

  private static Pixels resizePlain(Pixels image, int width, int height, Filter filter) {
    // Pillow 13 begins with the direction that removes more rows; earlier releases with the columns
    int fewerRows = image.height() - height;
    boolean rowsFirst = fewerRows > 0 && fewerRows > 2 * (image.width() - width);
    if (rowsFirst) {
      return horizontal(vertical(image, height, filter), width, filter);
    }
    return vertical(horizontal(image, width, filter), height, filter);
  }

  private static Pixels horizontal(Pixels image, int width, Filter filter) {
    if (image.width() == width) {
      return image;
    }
    Weights weights = new Weights(image.width(), width, filter);
    Pixels result = Pixels.blank(width, image.height(), image.channels());
    for (int y = 0; y < image.height(); y++) {
      int from = y * image.width() * image.channels();
      int to = y * width * image.channels();
      if (image.channels() == 3) {
        horizontalRow3(image.data(), from, result.data(), to, weights);
      } else {
        horizontalRow(image.data(), from, result.data(), to, weights, image.channels());
      }
    }
    return result;
  }

  private static void horizontalRow3(byte[] in, int inRow, byte[] out, int outRow, Weights w) {
    int to = outRow;
    for (int x = 0; x < w.first.length; x++) {
      int r = HALF;
      int g = HALF;
      int b = HALF;
      int from = inRow + w.first[x] * 3;
      int k = x * w.stride;
      for (int end = k + w.count[x]; k < end; k++) {
        int weight = w.fixed[k];
        r += (in[from] & 0xFF) * weight;
        g += (in[from + 1] & 0xFF) * weight;
        b += (in[from + 2] & 0xFF) * weight;
        from += 3;
      }
      out[to] = clip(r);
      out[to + 1] = clip(g);
      out[to + 2] = clip(b);
      to += 3;
    }
  }

  private static void horizontalRow(
      byte[] in, int inRow, byte[] out, int outRow, Weights w, int channels) {
    for (int x = 0; x < w.first.length; x++) {
      for (int c = 0; c < channels; c++) {
        int sum = HALF;
        int from = inRow + w.first[x] * channels + c;
        int k = x * w.stride;
        for (int end = k + w.count[x]; k < end; k++) {
          sum += (in[from] & 0xFF) * w.fixed[k];
          from += channels;
        }
        out[outRow + x * channels + c] = clip(sum);
      }
    }
  }

  private static Pixels vertical(Pixels image, int height, Filter filter) {
    if (image.height() == height) {
      return image;
    }
    Weights weights = new Weights(image.height(), height, filter);
    Pixels result = Pixels.blank(image.width(), height, image.channels());
    int rowBytes = image.width() * image.channels();
    int[] sums = new int[rowBytes];
    for (int y = 0; y < height; y++) {
      Arrays.fill(sums, HALF);
      for (int k = 0; k < weights.count[y]; k++) {
        int row = (weights.first[y] + k) * rowBytes;
        addRow(sums, image.data(), row, weights.fixed[y * weights.stride + k]);
      }
      clipRow(sums, result.data(), y * rowBytes);
    }
    return result;
  }

  private static void addRow(int[] sums, byte[] in, int row, int weight) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += (in[row + i] & 0xFF) * weight;
    }
  }

  private static void clipRow(int[] sums, byte[] out, int row) {
    for (int i = 0; i < sums.length; i++) {
      out[row + i] = clip(sums[i]);
    }
  }

  private static byte clip(int sum) {
    return (byte) Math.clamp(sum >> PRECISION_BITS, 0, 255);
  }

  /// `c * a / 255` with Pillow's rounding.
  private static Pixels premultiply(Pixels image) {
    Pixels result = Pixels.blank(image.width(), image.height(), 4);
    byte[] in = image.data();
    byte[] out = result.data();
    for (int i = 0; i < in.length; i += 4) {
      int alpha = in[i + 3] & 0xFF;
      for (int c = i; c < i + 3; c++) {
        int product = (in[c] & 0xFF) * alpha + 128;
        out[c] = (byte) (((product >> 8) + product) >> 8);
      }
      out[i + 3] = in[i + 3];
    }
    return result;
  }

  /// `255 * c / alpha`, cut off; in place.
  private static Pixels unpremultiply(Pixels image) {
    byte[] data = image.data();
    for (int i = 0; i < data.length; i += 4) {
      int alpha = data[i + 3] & 0xFF;
      if (alpha == 0 || alpha == 255) {
        continue;
      }
      for (int c = i; c < i + 3; c++) {
        data[c] = (byte) Math.min(255, 255 * (data[c] & 0xFF) / alpha);
      }
    }
    return image;
  }
}
