package dev.anima.train;

import dev.anima.config.CacheConfig;
import dev.anima.config.CacheConfig.Store;
import dev.anima.dataset.PixelLoader;
import dev.anima.dataset.TrainingImage;
import dev.anima.engine.Dtype;
import dev.anima.model.Placement;
import dev.anima.model.vae.QwenImageVae;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;

/// The run's VAE, and the latents it makes of the images.
final class RunLatents implements AutoCloseable {
  private final TrainSetup setup;
  private final WarmModels models;
  private final TrainListener listener;
  private final Placement placement;
  private final int chunk;
  private Optional<LatentStore> own = Optional.empty();

  /// @param models hold latents in memory for later runs too
  /// @param dit where that lives; the VAE lives there in the dtype that the flags name
  RunLatents(TrainSetup setup, WarmModels models, TrainListener listener, Placement dit) {
    this.setup = setup;
    this.models = models;
    this.listener = listener;
    Dtype dtype = setup.config().precision().vaeInFp32() ? Dtype.F32 : setup.dtype();
    this.placement = new Placement(dit.device(), dtype, dit.rotary());
    this.chunk = RunRules.vaeChunk(setup.flags());
  }

  /// Loads one half; owned by the caller.
  QwenImageVae vae(QwenImageVae.Half half) {
    return QwenImageVae.load(setup.config().models().vae(), placement, half, chunk);
  }

  /// Where batches find their latents: made when their turn comes, or here, before the first step.
  /// Ends with this.
  LatentStore open() {
    CacheConfig cache = setup.config().cache();
    if (cache.latents() == Store.NONE) {
      return own(
          new LiveLatents(
              vae(QwenImageVae.Half.ENCODER),
              new PixelLoader(Runtime.getRuntime().availableProcessors()),
              cache.vaeBatchSize(),
              setup.device()));
    }
    CachedLatents.Options options =
        new CachedLatents.Options(
            cache.latents() == Store.DISK, cache.vaeBatchSize(), cache.trustFiles());
    Supplier<QwenImageVae> vae =
        () -> {
          models.makeRoom(setup.device());
          return vae(QwenImageVae.Half.ENCODER);
        };
    if (options.onDisk() && !setup.team().isAlone()) {
      // Each process encodes its part; then all files are there.
      List<TrainingImage> part = setup.team().part(images());
      CachedLatents.fill(part, vae, options, setup.device(), listener).close();
      setup.team().meet();
    }
    Supplier<CachedLatents> fill =
        () -> CachedLatents.fill(images(), vae, options, setup.device(), listener);
    return options.onDisk()
        ? own(fill.get())
        : models.latents(images(), setup.config().models().vae(), placement, chunk, options, fill);
  }

  private LatentStore own(LatentStore store) {
    own = Optional.of(store);
    return store;
  }

  /// All images of the run, training first, each once.
  List<TrainingImage> images() {
    return Stream.concat(setup.data().training().stream(), setup.data().validation().stream())
        .flatMap(dataset -> dataset.images().stream())
        .toList();
  }

  @Override
  public void close() {
    own.ifPresent(LatentStore::close);
    own = Optional.empty();
  }
}
