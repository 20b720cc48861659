package dev.anima.train;

import dev.anima.dataset.BatchPlan;
import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// Where the latents of a batch come from: memory, cache files, or the VAE itself.
interface LatentStore extends AutoCloseable {
  /// What a batch is trained on.
  ///
  /// @param latents `(B, 16, h, w)` on the run's device; in the VAE's dtype, but float32 from disk
  /// @param masks `(B, H, W)` float32 at pixel size: where the loss counts; null for everywhere
  record Batch(Tensor latents, @Nullable Tensor masks) {}

  /// @return in the caller's scope
  Batch of(BatchPlan plan);

  /// Dtype of all latents.
  Dtype dtype();

  /// The batch that [#of] will be asked for next may be begun in the background.
  default void prefetch(BatchPlan plan) {}

  @Override
  void close();
}
