package dev.anima.train;

import dev.anima.config.Flags;
import dev.anima.config.Size;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.train.objective.Objective;
import dev.anima.train.objective.TimestepSampling;
import java.util.ArrayList;
import java.util.List;

/// `--show_timesteps`: how often each noise level would be trained and how much it would count,
/// from draws as a run makes them.
///
/// @param bands 25 timesteps each, high noise first
/// @param samples how many times were drawn
public record TimestepPreview(List<Band> bands, int samples) {
  private static final int SAMPLES = 100_000;
  private static final int WIDTH = 25;

  /// Pixels of an image per latent.
  private static final int PIXELS = 8;

  /// @param from lowest timestep, 0 = clean image
  /// @param to the next band's lowest
  /// @param share of all samples
  /// @param weight of the band's middle in the loss (`--weighting_scheme`)
  public record Band(int from, int to, double share, double weight) {}

  public TimestepPreview {
    bands = List.copyOf(bands);
  }

  /// @throws InputException if a flag on timesteps is wrong
  public static TimestepPreview of(Flags flags) {
    Objective objective = RunRules.objective(flags).objective();
    String typed = flags.text("show_timesteps_resolution", "1024");
    Size size =
        Size.parse(typed)
            .filter(read -> read.width() >= PIXELS && read.height() >= PIXELS)
            .orElseThrow(() ->
                new InputException(
                    "--show_timesteps_resolution: expected SIZE or WIDTH,HEIGHT such as 1024 or 832,1216, got \"%s\""
                        .formatted(typed)));
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        RandomStream stream = RandomStream.cpu(flags.maybeLong("seed").orElse(0))) {
      Tensor draws = objective.sampling().draw(stream, stream, SAMPLES);
      Tensor sigmas =
          objective.sampling().sigmas(draws, size.height() / PIXELS, size.width() / PIXELS);
      return new TimestepPreview(bands(sigmas.toFloats(), objective), SAMPLES);
    }
  }

  private static List<Band> bands(float[] sigmas, Objective objective) {
    int count = TimestepSampling.TIMESTEPS / WIDTH;
    int[] counts = new int[count];
    for (float sigma : sigmas) {
      counts[Math.clamp((int) (sigma * count), 0, count - 1)]++;
    }
    List<Band> bands = new ArrayList<>();
    for (int i = count - 1; i >= 0; i--) {
      float middle = (i + 0.5f) / count;
      double weight = objective.weighting().of(Ops.of(new float[] {middle}, 1)).item();
      bands.add(new Band(i * WIDTH, (i + 1) * WIDTH, (double) counts[i] / sigmas.length, weight));
    }
    return bands;
  }

  /// The largest share of a band: where a full bar ends.
  public double largestShare() {
    return bands.stream().mapToDouble(Band::share).max().orElse(0);
  }
}
