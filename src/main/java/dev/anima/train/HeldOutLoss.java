package dev.anima.train;

import dev.anima.dataset.PixelLoader;
import dev.anima.dataset.SamplePixels;
import dev.anima.dataset.TrainingImage;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.vae.QwenImageVae;
import dev.anima.sample.Contexts;
import java.util.List;

/// How well a model predicts pictures it was not trained on: mean squared error of the velocity at
/// fixed times with fixed noise, so that two states of a model can be compared.
public final class HeldOutLoss {
  /// Shares of noise, spread evenly; the ends say little.
  private static final double[] SIGMAS = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};

  private static final long NOISE_SEED = 20_260_101;

  private final List<TrainingImage> images;

  /// @param images in the order in which noise is drawn
  public HeldOutLoss(List<TrainingImage> images) {
    this.images = List.copyOf(images);
  }

  public int images() {
    return images.size();
  }

  /// The mean loss over all images and times.
  ///
  /// @param adapters what stands beside the DiT's layers, without dropout
  /// @param contexts of the images' captions
  public double of(AnimaDit dit, Adapters adapters, Contexts contexts, QwenImageVae vae) {
    double sum = 0;
    try (RandomStream random = RandomStream.cpu(NOISE_SEED)) {
      for (TrainingImage image : images) {
        sum += ofImage(image, dit, adapters, contexts, vae, random);
      }
    }
    return sum / images.size();
  }

  private static double ofImage(
      TrainingImage image,
      AnimaDit dit,
      Adapters adapters,
      Contexts contexts,
      QwenImageVae vae,
      RandomStream random) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      SamplePixels pixels = PixelLoader.loadForCache(image);
      Tensor one =
          vae.encode(
                  Ops.of(pixels.image(), 1, 3, pixels.size().height(), pixels.size().width())
                      .to(vae.placement().device(), vae.placement().dtype()))
              .to(Dtype.F32);
      Tensor noise = random.randn(Dtype.F32, one.shape()).to(one.device());
      Device device = dit.placement().device();
      Dtype dtype = dit.placement().dtype();
      Tensor context = contexts.of(image.found().caption());
      double sum = 0;
      for (double sigma : SIGMAS) {
        try (Scope _ = new Scope()) {
          Tensor noisy = one.mul(1 - sigma).add(noise.mul(sigma)).to(dtype);
          Tensor time = Ops.full(sigma, dtype, device, 1);
          Tensor prediction = dit.forward(noisy, time, context, adapters).to(Dtype.F32);
          sum += prediction.sub(noise.sub(one)).square().mean().item();
        }
      }
      return sum / SIGMAS.length;
    }
  }
}
