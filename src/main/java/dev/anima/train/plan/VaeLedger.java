package dev.anima.train.plan;

import dev.anima.config.Size;
import dev.anima.train.plan.Ledger.Held;
import java.util.List;
import java.util.function.Supplier;

/// Follows [dev.anima.model.vae.QwenImageVae] for pictures of one size.
final class VaeLedger {
  private static final List<Integer> WIDTHS = List.of(1, 2, 4, 4);
  private static final int ENCODER_RESIDUALS = 2;
  private static final int DECODER_RESIDUALS = 3;
  private static final int LATENT_CHANNELS = 16;

  /// oneDNN lays channels in groups of 16 for a convolution.
  private static final long GROUP = 16;

  private final Ledger ledger;
  private final Arithmetic arithmetic;
  private final int base;
  private final int chunkRows;

  /// @param base channels at full size (96)
  /// @param chunkRows rows of a convolution at a time, 0 for all
  VaeLedger(Ledger ledger, Arithmetic arithmetic, int base, int chunkRows) {
    this.ledger = ledger;
    this.arithmetic = arithmetic;
    this.base = base;
    this.chunkRows = chunkRows;
  }

  /// `(B, C, h, w)`
  private record Map(long batch, long channels, long height, long width) {
    Map of(long otherChannels) {
      return new Map(batch, otherChannels, height, width);
    }

    long places() {
      return batch * height * width;
    }
  }

  private Held take(String name, Map map) {
    return ledger.take(name, map.places() * map.channels * arithmetic.bytes());
  }

  /// From pixels in the VAE's dtype, which are there already.
  void encode(int batch, Size pixels) {
    ledger.scoped(() -> {
      Run run = new Run(new Map(batch, 3, pixels.height(), pixels.width()));
      run.conv(base, 3);
      for (int level = 0; level < WIDTHS.size(); level++) {
        for (int i = 0; i < ENCODER_RESIDUALS; i++) {
          run.residual((long) WIDTHS.get(level) * base);
        }
        if (level < WIDTHS.size() - 1) {
          run.downsample();
        }
      }
      run.middle();
      run.head(2 * LATENT_CHANNELS);
      run.conv(2 * LATENT_CHANNELS, 1);
    });
  }

  /// To pixels, from latents that are there already.
  void decode(int batch, Size pixels) {
    ledger.scoped(() -> {
      Run run = new Run(new Map(batch, LATENT_CHANNELS, pixels.height() / 8, pixels.width() / 8));
      run.conv(LATENT_CHANNELS, 1);
      run.conv(4L * base, 3);
      run.middle();
      List<Integer> widths = WIDTHS.reversed();
      for (int level = 0; level < widths.size(); level++) {
        for (int i = 0; i < DECODER_RESIDUALS; i++) {
          run.residual((long) widths.get(level) * base);
        }
        if (level < widths.size() - 1) {
          run.upsample((long) widths.get(level) * base / 2);
        }
      }
      run.head(3);
      take("clamped pixels", run.at);
    });
  }

  /// Layer after layer; the one before is freed when its successor is there.
  private final class Run {
    private Map at;
    private Held x = ledger.take("picture", 0);

    Run(Map start) {
      at = start;
    }

    private void become(Map next, Supplier<Held> layer) {
      Held before = x;
      x = ledger.keep(layer);
      before.close();
      at = next;
    }

    void conv(long out, int kernel) {
      become(at.of(out), () -> convolution(at, at.of(out), kernel));
    }

    void residual(long out) {
      Map in = at;
      become(
          in.of(out),
          () -> {
            lengths(in);
            Held active = take("VAE activations", in);
            Held y = convolution(in, in.of(out), 3);
            active.close();
            lengths(in);
            Held z = convolution(in.of(out), in.of(out), 3);
            y.close();
            if (in.channels != out) {
              convolution(in, in.of(out), 1);
            }
            return z;
          });
    }

    void middle() {
      long top = 4L * base;
      residual(top);
      Map in = at;
      become(
          in,
          () -> {
            lengths(in);
            take("VAE activations", in);
            convolution(in, in.of(3 * top), 1);
            take("queries, keys and values", in.of(3 * top));
            long wide = arithmetic.copiesToWiden() ? Float.BYTES : 0;
            ledger.take("wide queries, keys and values", in.places() * 3 * top * wide);
            long attended = wide == 0 ? arithmetic.bytes() : wide;
            ledger.take("attended", in.places() * top * attended);
            arithmetic.tiles(ledger, in.height * in.width, in.height * in.width, top);
            take("attended", in);
            take("attended", in);
            return convolution(in, in, 1);
          });
      residual(top);
    }

    void downsample() {
      Map in = at;
      Map half = new Map(in.batch, in.channels, in.height / 2, in.width / 2);
      become(
          half,
          () -> {
            Map padded = new Map(in.batch, in.channels, in.height + 1, in.width + 1);
            take("padded activations", padded);
            return convolution(padded, half, 3);
          });
    }

    void upsample(long out) {
      Map in = at;
      Map twice = new Map(in.batch, in.channels, 2 * in.height, 2 * in.width);
      become(
          twice.of(out),
          () -> {
            take("enlarged activations", twice);
            return convolution(twice, twice.of(out), 3);
          });
    }

    void head(long out) {
      Map in = at;
      become(
          in.of(out),
          () -> {
            lengths(in);
            take("VAE activations", in);
            return convolution(in, in.of(out), 3);
          });
    }

    /// Of the channels, with a floor.
    private void lengths(Map in) {
      take("lengths", in.of(2));
    }
  }

  private Held convolution(Map in, Map out, int kernel) {
    if (chunkRows == 0 || kernel == 1 || in.height <= chunkRows) {
      return whole(in, out, kernel);
    }
    Held result = take("VAE activations", out);
    ledger.scoped(() -> {
      Map strip = new Map(in.batch, in.channels, chunkRows + 2L, in.width + 2);
      take("strip", strip);
      whole(strip, new Map(out.batch, out.channels, chunkRows, out.width), kernel);
    });
    return result;
  }

  /// oneDNN takes input and output apart into groups of channels; a product over channels alone
  /// needs that in the reduced dtypes only.
  private Held whole(Map in, Map out, int kernel) {
    if (!arithmetic.isCpu()) {
      ledger.brief("workspace of a convolution", out.places() * out.channels * arithmetic.bytes());
      return take("VAE activations", out);
    }
    if (kernel == 1 && !arithmetic.isReduced()) {
      return take("VAE activations", out);
    }
    Held grouped = take("grouped channels", in.channels < GROUP ? in.of(0) : in.of(grouped(in)));
    Held result = take("grouped channels", out.of(grouped(out)));
    grouped.close();
    Held plain = take("VAE activations", out);
    result.close();
    return plain;
  }

  private static long grouped(Map map) {
    return Math.ceilDiv(map.channels, GROUP) * GROUP;
  }
}
