package dev.anima.model.vae;

import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.model.Checkpoint;
import dev.anima.model.Placement;
import dev.anima.model.RandomTensors;
import dev.anima.model.WeightEdit;
import dev.anima.model.Weights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The Qwen-Image VAE for single pictures: a 2-D network folded from the file's 3-D weights, with
/// the same numbers at about half the work and a third of the memory. Needs no frame cache.
///
/// Shapes: `B` batch, `H W` pixels (multiples of 8), `h w` = `H/8 W/8`. Nothing is differentiated.
public final class QwenImageVae implements AutoCloseable {
  /// Pixels on a side of one latent place.
  public static final int SCALE = 8;

  private static final float[] LATENT_MEAN = {
    -0.7571f, -0.7089f, -0.9113f, 0.1075f, -0.1745f, 0.9653f, -0.1517f, 1.5508f,
    0.4134f, -0.0715f, 0.5517f, -0.3632f, -0.1922f, -0.9497f, 0.2503f, -0.2921f
  };
  private static final float[] LATENT_DEVIATION = {
    2.8184f, 1.4541f, 2.3275f, 2.6558f, 1.2196f, 1.7708f, 2.6052f, 2.0743f,
    3.2687f, 2.1526f, 2.8652f, 1.5579f, 1.6382f, 1.1253f, 2.8251f, 1.9160f
  };

  /// Which half is needed; the other is not loaded.
  public enum Half {
    ENCODER,
    DECODER,
    BOTH
  }

  /// Mean and log variance of the latents' distribution, `(B, 16, h, w)` each.
  public record Moments(Tensor mean, Tensor logVariance) {
    /// @param both `(B, 32, ...)` as the encoder gives them
    static Moments of(Tensor both) {
      List<Tensor> halves = both.chunk(2, 1);
      return new Moments(halves.get(0), halves.get(1).clamp(-30, 20));
    }
  }

  private final Weights weights;
  private final List<VaeLayer> encoder;
  private final List<VaeLayer> decoder;
  private final int chunkRows;
  private final Tensor latentMean;
  private final Tensor inverseDeviation;

  private QwenImageVae(VaeConfig config, Weights weights, Half half, int chunkRows) {
    this.weights = weights;
    this.chunkRows = chunkRows;
    encoder = half == Half.DECODER ? List.of() : encoder(weights, config.names());
    decoder = half == Half.ENCODER ? List.of() : decoder(weights, config.names());
    try (Scope _ = new Scope()) {
      Placement to = weights.placement();
      // Both constants are rounded first and the reciprocal is taken in that dtype: in bf16 this is
      // not the same as dividing by the deviation.
      latentMean = Ops.of(LATENT_MEAN, 1, 16, 1, 1).to(to.device(), to.dtype()).retain();
      inverseDeviation =
          Ops.of(LATENT_DEVIATION, 1, 16, 1, 1).to(to.device(), to.dtype()).reciprocal().retain();
    }
    weights.loaded();
  }

  /// @param chunkRows rows a convolution computes at a time, to save memory; 0 for all at once. Odd
  ///   numbers are rounded up. Changes the result by rounding errors only
  /// @throws InputException if the file is not a complete Qwen-Image VAE
  public static QwenImageVae load(Path file, Placement placement, Half half, int chunkRows) {
    if (chunkRows < 0) {
      throw new InputException("--vae_chunk_size must be at least 0, got " + chunkRows);
    }
    Checkpoint checkpoint = Checkpoint.open(file);
    Weights weights = new Weights(checkpoint, placement, WeightEdit.NONE);
    try {
      return new QwenImageVae(VaeConfig.of(checkpoint), weights, half, chunkRows + chunkRows % 2);
    } catch (RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  /// A VAE of the real width with made-up weights, for measurements.
  public static QwenImageVae random(Placement placement, Half half, long seed) {
    VaeConfig config = VaeConfig.FULL_SIZE;
    return new QwenImageVae(
        config,
        new Weights(
            new RandomTensors(config.layout(), placement, seed), placement, WeightEdit.NONE),
        half,
        0);
  }

  /// Reads the header of `file` and checks it.
  ///
  /// @throws InputException if the file is not a complete Qwen-Image VAE
  public static void check(Path file) {
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      VaeConfig.of(checkpoint);
    }
  }

  private static List<VaeLayer> encoder(Weights weights, VaeNames names) {
    List<VaeLayer> layers = new ArrayList<>();
    layers.add(new VaeLayer.Plain(Conv.load(weights, names, "encoder.conv_in")));
    int index = 0;
    for (int level = 0; level < VaeConfig.ENCODER_WIDTHS.size(); level++) {
      for (int r = 0; r < VaeConfig.ENCODER_RESIDUALS; r++) {
        layers.add(VaeLayer.Residual.load(weights, names, "encoder.down_blocks." + index++));
      }
      if (level < VaeConfig.ENCODER_WIDTHS.size() - 1) {
        String module = "encoder.down_blocks." + index++ + ".resample.1";
        layers.add(new VaeLayer.Downsample(Conv.load(weights, names, module)));
      }
    }
    addMiddle(layers, weights, names, "encoder.mid_block");
    layers.add(VaeLayer.Head.load(weights, names, "encoder"));
    layers.add(new VaeLayer.Plain(Conv.load(weights, names, "quant_conv")));
    return layers;
  }

  private static List<VaeLayer> decoder(Weights weights, VaeNames names) {
    List<VaeLayer> layers = new ArrayList<>();
    layers.add(new VaeLayer.Plain(Conv.load(weights, names, "post_quant_conv")));
    layers.add(new VaeLayer.Plain(Conv.load(weights, names, "decoder.conv_in")));
    addMiddle(layers, weights, names, "decoder.mid_block");
    for (int level = 0; level < VaeConfig.ENCODER_WIDTHS.size(); level++) {
      String block = "decoder.up_blocks." + level;
      for (int r = 0; r < VaeConfig.DECODER_RESIDUALS; r++) {
        layers.add(VaeLayer.Residual.load(weights, names, block + ".resnets." + r));
      }
      if (level < VaeConfig.ENCODER_WIDTHS.size() - 1) {
        String module = block + ".upsamplers.0.resample.1";
        layers.add(new VaeLayer.Upsample(Conv.load(weights, names, module)));
      }
    }
    layers.add(VaeLayer.Head.load(weights, names, "decoder"));
    return layers;
  }

  private static void addMiddle(
      List<VaeLayer> layers, Weights weights, VaeNames names, String module) {
    layers.add(VaeLayer.Residual.load(weights, names, module + ".resnets.0"));
    layers.add(VaeLayer.Attend.load(weights, names, module + ".attentions.0"));
    layers.add(VaeLayer.Residual.load(weights, names, module + ".resnets.1"));
  }

  public Placement placement() {
    return weights.placement();
  }

  /// Pictures to latents: the distribution's mean (never a sample), normalised per channel.
  ///
  /// @param pixels `(B, 3, H, W)` in [-1, 1], on the VAE's device
  /// @return `(B, 16, h, w)` in the VAE's dtype, in the caller's scope
  public Tensor encode(Tensor pixels) {
    return Scope.keep(() -> {
      try (NoGrad _ = new NoGrad()) {
        return moments(pixels).mean().sub(latentMean).mul(inverseDeviation);
      }
    });
  }

  /// The distribution the encoder gives, not normalised, in the current scope.
  Moments moments(Tensor pixels) {
    requireSides(pixels);
    try (NoGrad _ = new NoGrad()) {
      return Moments.of(run(encoder, pixels.to(dtype())));
    }
  }

  /// Latents to pictures.
  ///
  /// @param latents `(B, 16, h, w)` or `(B, 16, 1, h, w)`, normalised, on the VAE's device
  /// @return `(B, 3, H, W)` in [-1, 1] in the VAE's dtype, in the caller's scope
  public Tensor decode(Tensor latents) {
    return Scope.keep(() -> {
      try (NoGrad _ = new NoGrad()) {
        Tensor z =
            latents.reshape(latents.size(0), -1, latents.size(-2), latents.size(-1)).to(dtype());
        return run(decoder, z.div(inverseDeviation).add(latentMean)).clamp(-1, 1);
      }
    });
  }

  private Tensor run(List<VaeLayer> layers, Tensor input) {
    if (layers.isEmpty()) {
      throw new IllegalStateException("this half of the VAE was not loaded");
    }
    Tensor x = input;
    for (VaeLayer layer : layers) {
      Tensor before = x;
      x = Scope.keep(() -> layer.apply(before, chunkRows));
      if (before != input) {
        before.close();
      }
    }
    return x;
  }

  private static void requireSides(Tensor pixels) {
    if (pixels.size(-1) % SCALE != 0 || pixels.size(-2) % SCALE != 0) {
      throw new IllegalArgumentException("picture sides must be multiples of 8, got " + pixels);
    }
  }

  private Dtype dtype() {
    return weights.placement().dtype();
  }

  @Override
  public void close() {
    latentMean.close();
    inverseDeviation.close();
    weights.close();
  }
}
