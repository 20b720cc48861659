package dev.anima.train;

import dev.anima.dataset.BatchPixels;
import dev.anima.dataset.BatchPlan;
import dev.anima.dataset.PixelLoader;
import dev.anima.dataset.SamplePixels;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.vae.QwenImageVae;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Without latent caching: every batch goes through the VAE when it is its turn. Its pictures are
/// decoded in the background while the batch before it trains.
final class LiveLatents implements LatentStore {
  private final QwenImageVae vae;
  private final PixelLoader loader;
  private final int chunk;
  private final Device device;
  private PixelLoader.@Nullable Loading ahead;

  /// @param vae owned from here on
  /// @param loader owned from here on
  /// @param chunk `--vae_batch_size`
  LiveLatents(QwenImageVae vae, PixelLoader loader, int chunk, Device device) {
    this.vae = vae;
    this.loader = loader;
    this.chunk = chunk;
    this.device = device;
  }

  @Override
  public Dtype dtype() {
    return vae.placement().dtype();
  }

  @Override
  public void prefetch(BatchPlan plan) {
    ahead = loader.start(plan);
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // the very batch that was begun, not one like it
  public Batch of(BatchPlan plan) {
    PixelLoader.Loading loading = ahead;
    BatchPixels pixels =
        (loading != null && loading.plan() == plan ? loading : loader.start(plan)).await();
    int height = pixels.size().height();
    int width = pixels.size().width();
    Tensor latents =
        Scope.keep(() -> {
          try (NoGrad _ = new NoGrad()) {
            Tensor images = Ops.of(pixels.images(), pixels.batch(), 3, height, width);
            List<Tensor> parts = new ArrayList<>();
            for (int i = 0; i < pixels.batch(); i += chunk) {
              parts.add(encode(vae, images.narrow(0, i, Math.min(chunk, pixels.batch() - i))));
            }
            Tensor whole = Ops.cat(parts, 0);
            // As the reference: NaN becomes 0 here (it is refused where latents are cached).
            return whole.maskedFill(whole.isFinite().logicalNot(), 0);
          }
        });
    float[] masks = pixels.masks();
    return new Batch(
        latents.to(device),
        masks == null ? null : Ops.of(masks, pixels.batch(), height, width).to(device));
  }

  /// Latents of pictures of one size, `(B, 16, h, w)` in the VAE's dtype.
  static Tensor encode(QwenImageVae vae, List<SamplePixels> pictures) {
    List<Tensor> images = new ArrayList<>();
    for (SamplePixels picture : pictures) {
      images.add(Ops.of(picture.image(), 3, picture.size().height(), picture.size().width()));
    }
    return encode(vae, Ops.stack(images, 0));
  }

  private static Tensor encode(QwenImageVae vae, Tensor images) {
    return vae.encode(images.to(vae.placement().device(), vae.placement().dtype()));
  }

  /// Masks of a batch as one tensor; samples without one count everywhere.
  static @Nullable Tensor masks(BatchPlan plan, List<float @Nullable []> masks, Device device) {
    if (masks.stream().allMatch(Objects::isNull)) {
      return null;
    }
    int height = plan.target().height();
    int width = plan.target().width();
    List<Tensor> tensors = new ArrayList<>();
    for (float[] mask : masks) {
      tensors.add(
          mask == null
              ? Ops.full(1, Dtype.F32, Device.CPU, height, width)
              : Ops.of(mask, height, width));
    }
    return Ops.stack(tensors, 0).to(device);
  }

  @Override
  public void close() {
    loader.close();
    vae.close();
  }
}
