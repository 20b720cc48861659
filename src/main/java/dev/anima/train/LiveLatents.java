package dev.anima.train;

import dev.anima.config.Size;
import dev.anima.dataset.BatchPlan;
import dev.anima.dataset.TrainingImage;
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

/// Without latent caching: every batch goes through the VAE when it is its turn.
final class LiveLatents implements LatentStore {
  private final QwenImageVae vae;
  private final PictureLoader pictures;
  private final int chunk;
  private final Device device;

  /// @param vae owned from here on
  /// @param chunk `--vae_batch_size`
  LiveLatents(QwenImageVae vae, PictureLoader pictures, int chunk, Device device) {
    this.vae = vae;
    this.pictures = pictures;
    this.chunk = chunk;
    this.device = device;
  }

  @Override
  public Batch of(BatchPlan plan) {
    List<PictureLoader.Picture> loaded =
        plan.samples().parallelStream().map(pictures::load).toList();
    List<float @Nullable []> masks = new ArrayList<>();
    loaded.forEach(picture -> masks.add(picture.mask()));
    Tensor latents =
        Scope.keep(
            () -> {
              try (NoGrad _ = new NoGrad()) {
                List<Tensor> parts = new ArrayList<>();
                for (int i = 0; i < loaded.size(); i += chunk) {
                  parts.add(
                      encode(vae, plan.target(), loaded.subList(i, Math.min(loaded.size(), i + chunk))));
                }
                Tensor whole = Ops.cat(parts, 0);
                // As the reference: a NaN becomes 0 here (it is refused where latents are cached).
                return whole.maskedFill(whole.isFinite().logicalNot(), 0);
              }
            });
    return new Batch(latents, masks(plan, masks, device));
  }

  static Tensor encode(QwenImageVae vae, TrainingImage like, List<PictureLoader.Picture> pictures) {
    return encode(vae, like.choice().bucket(), pictures);
  }

  /// `(B, 16, h, w)` in the VAE's dtype.
  private static Tensor encode(QwenImageVae vae, Size size, List<PictureLoader.Picture> pictures) {
    List<Tensor> pixels = new ArrayList<>();
    for (PictureLoader.Picture picture : pictures) {
      pixels.add(Ops.of(picture.rgb(), 3, size.height(), size.width()));
    }
    return vae.encode(
        Ops.stack(pixels, 0).to(vae.placement().device(), vae.placement().dtype()));
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
    vae.close();
  }
}
