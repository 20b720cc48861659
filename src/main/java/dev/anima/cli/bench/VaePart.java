package dev.anima.cli.bench;

import dev.anima.engine.Libtorch;
import dev.anima.engine.NoGrad;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Placement;
import dev.anima.model.vae.QwenImageVae;
import dev.anima.model.vae.VideoEncoder;
import java.util.List;
import java.util.Locale;
import java.util.function.IntConsumer;

/// Images a second through the VAE's encoder: ours in two dimensions, and the plain one in three.
final class VaePart {
  private VaePart() {}

  /// @param pixels on a side, a multiple of 8
  static SpeedReport measure(
      int pixels, int batch, Placement placement, int warmUp, int rounds, IntConsumer progress) {
    double loadBefore = PartReport.load();
    try (QwenImageVae flat = QwenImageVae.random(placement, QwenImageVae.Half.ENCODER, 1);
        VideoEncoder deep = VideoEncoder.random(placement, 1);
        RandomStream random = RandomStream.on(placement.device(), 2);
        Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor images = random.rand(placement.dtype(), batch, 3, pixels, pixels).mul(2).sub(1);
      List<SpeedReport.Way> ways =
          List.of(
              way("2-D, what training uses", batch, () -> flat.encode(images)),
              way("3-D, as the file has it", batch, () -> deep.moments(images).mean()));
      List<SpeedReport.Row> rows = SpeedReport.measure(ways, warmUp, rounds, progress);
      return new SpeedReport(
          String.format(
              Locale.ROOT,
              "VAE encoder, %d x %d pixels, batch %d, %s on %s",
              pixels,
              pixels,
              batch,
              placement.dtype().name().toLowerCase(Locale.ROOT),
              placement.device()),
          "images",
          Libtorch.threads(),
          loadBefore,
          PartReport.load(),
          rows);
    }
  }

  private static SpeedReport.Way way(String name, int items, Latents latents) {
    return new SpeedReport.Way(
        name,
        items,
        () -> {
          try (Scope _ = new Scope()) {
            var _ = latents.encode().sum().item(); // waits for the device
          }
        });
  }

  private interface Latents {
    Tensor encode();
  }
}
