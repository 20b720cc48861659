package dev.anima.train;

import dev.anima.dataset.BatchPlan;
import dev.anima.dataset.LatentCache;
import dev.anima.dataset.LatentSources;
import dev.anima.dataset.PixelLoader;
import dev.anima.dataset.SamplePixels;
import dev.anima.dataset.SamplePlan;
import dev.anima.dataset.TrainingImage;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.NpyArray;
import dev.anima.io.RunFailedException;
import dev.anima.model.vae.QwenImageVae;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// `--cache_latents` and `--cache_latents_to_disk`: every image goes through the VAE once, before
/// training.
final class CachedLatents implements LatentStore {
  private final IdentityHashMap<TrainingImage, Entry> entries = new IdentityHashMap<>();
  private final boolean onDisk;
  private final Device device;
  private final LatentFiles files;
  private List<TrainingImage> images = List.of();

  /// What is kept of one image in memory.
  ///
  /// @param latents `(16, h, w)` on the CPU, owned here
  /// @param flipped the same of the mirrored image, null without `flip_aug`
  /// @param mask `H * W` in [0, 1], null without `alpha_mask`
  @SuppressWarnings("ArrayRecordComponent") // nobody compares entries
  private record Entry(Tensor latents, @Nullable Tensor flipped, float @Nullable [] mask) {}

  /// How images are encoded.
  ///
  /// @param batchSize `--vae_batch_size`
  /// @param trustFiles `--skip_cache_check`
  record Options(boolean onDisk, int batchSize, boolean trustFiles) {}

  private CachedLatents(boolean onDisk, Device device, TrainListener listener) {
    this.onDisk = onDisk;
    this.device = device;
    this.files = new LatentFiles(listener);
  }

  /// Encodes what is not cached yet. The VAE is loaded only if there is something to encode, and
  /// freed afterwards.
  static CachedLatents fill(
      List<TrainingImage> images,
      Supplier<QwenImageVae> vae,
      Options options,
      Device device,
      TrainListener listener) {
    CachedLatents cache = new CachedLatents(options.onDisk(), device, listener);
    cache.images = List.copyOf(images);
    List<TrainingImage> missing =
        options.onDisk() ? cache.files.missing(images, options.trustFiles()) : images;
    String phase = "caching latents";
    listener.on(new TrainEvent.PhaseStarted(phase, missing.size(), "images"));
    if (missing.isEmpty()) {
      return cache;
    }
    List<List<TrainingImage>> batches = LatentCache.batches(missing, options.batchSize());
    try (QwenImageVae model = vae.get();
        ExecutorService decoders =
            Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
      List<Future<Loaded>> ahead = new ArrayList<>();
      int done = 0;
      for (int i = 0; i < batches.size(); i++) {
        while (ahead.size() < batches.size() && ahead.size() <= i + 2) {
          List<TrainingImage> next = batches.get(ahead.size());
          ahead.add(decoders.submit(() -> Loaded.of(next, options.onDisk())));
        }
        Loaded loaded = Waiting.on(ahead.get(i));
        ahead.set(i, CompletableFuture.completedFuture(Loaded.NONE));
        cache.encode(batches.get(i), loaded, model);
        done += batches.get(i).size();
        listener.on(new TrainEvent.PhaseProgress(phase, done, missing.size()));
      }
    } catch (RuntimeException e) {
      cache.close();
      throw e;
    } finally {
      cache.files.save();
    }
    return cache;
  }

  /// Images to be encoded, in memory before they are.
  ///
  /// @param stamps of the files the pixels come from, taken before they were read; empty if nobody
  ///   needs them
  private record Loaded(List<SamplePixels> pixels, List<LatentSources.Stamp> stamps) {
    static final Loaded NONE = new Loaded(List.of(), List.of());

    static Loaded of(List<TrainingImage> images, boolean stamped) {
      List<LatentSources.Stamp> stamps =
          stamped
              ? images.stream().map(image -> LatentSources.Stamp.of(image.found().file())).toList()
              : List.of();
      return new Loaded(images.stream().map(PixelLoader::loadForCache).toList(), stamps);
    }
  }

  /// Goes on for another run over the same files.
  ///
  /// @param others the images of that run, in the order of those that were encoded
  void takeImages(List<TrainingImage> others) {
    IdentityHashMap<TrainingImage, Entry> before = new IdentityHashMap<>(entries);
    entries.clear();
    for (int i = 0; i < others.size(); i++) {
      Entry entry = before.get(images.get(i));
      if (entry != null) {
        entries.put(others.get(i), entry);
      }
    }
    images = List.copyOf(others);
  }

  private void encode(List<TrainingImage> images, Loaded loaded, QwenImageVae vae) {
    List<SamplePixels> pixels = loaded.pixels();
    boolean flip = images.getFirst().subset().spec().augment().flipAug(); // alike in a batch
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor upright = LiveLatents.encode(vae, pixels);
      Tensor flipped =
          flip
              ? LiveLatents.encode(vae, pixels.stream().map(SamplePixels::mirrored).toList())
              : null;
      for (int i = 0; i < images.size(); i++) {
        Entry entry =
            new Entry(
                one(upright, i), flipped == null ? null : one(flipped, i), pixels.get(i).mask());
        checkFinite(images.get(i), entry);
        if (!onDisk || !write(images.get(i), entry, loaded.stamps().get(i))) {
          keep(images.get(i), entry);
        }
      }
    }
  }

  private static Tensor one(Tensor batch, int index) {
    return batch.select(0, index).to(Device.CPU).copy();
  }

  private static void checkFinite(TrainingImage image, Entry entry) {
    if (!allFinite(entry)) {
      throw new RunFailedException(
          image.found().file()
              + ": the VAE gave latents that are not numbers (NaN); try --no_half_vae, or leave the image out");
    }
  }

  private void keep(TrainingImage image, Entry entry) {
    entry.latents().retain();
    if (entry.flipped() != null) {
      entry.flipped().retain();
    }
    entries.put(image, entry);
  }

  private boolean write(TrainingImage image, Entry entry, LatentSources.Stamp source) {
    float[] mask = entry.mask();
    return files.write(
        image,
        source,
        array(entry.latents()),
        entry.flipped() == null ? null : array(entry.flipped()),
        mask == null
            ? null
            : NpyArray.ofFloats(
                mask, image.choice().bucket().height(), image.choice().bucket().width()));
  }

  private static boolean allFinite(Entry entry) {
    return entry.latents().isFinite().to(Dtype.I64).min().item() == 1
        && (entry.flipped() == null || entry.flipped().isFinite().to(Dtype.I64).min().item() == 1);
  }

  private static NpyArray array(Tensor latents) {
    long[] shape = latents.shape();
    return NpyArray.ofFloats(latents.toFloats(), (int) shape[0], (int) shape[1], (int) shape[2]);
  }

  @Override
  public Dtype dtype() {
    return entries.values().stream()
        .findFirst()
        .map(entry -> entry.latents().dtype())
        .orElse(Dtype.F32); // on disk
  }

  @Override
  public Batch of(BatchPlan plan) {
    List<Tensor> latents = new ArrayList<>();
    List<float @Nullable []> masks = new ArrayList<>();
    for (SamplePlan sample : plan.samples()) {
      Entry entry = entry(sample.image());
      Tensor wanted =
          sample.flipped() && entry.flipped() != null ? entry.flipped() : entry.latents();
      latents.add(wanted.to(device));
      masks.add(mask(sample, entry));
    }
    return new Batch(Ops.stack(latents, 0), LiveLatents.masks(plan, masks, device));
  }

  /// The mask as the sample is turned; a mask image (masked style) is read again, it is not in the
  /// cache files.
  private static float @Nullable [] mask(SamplePlan sample, Entry entry) {
    float[] mask = entry.mask();
    if (mask == null) {
      return PixelLoader.maskFile(sample).orElse(null);
    }
    return sample.flipped() ? mirrored(mask, sample.target().width()) : mask;
  }

  private static float[] mirrored(float[] rows, int width) {
    float[] mirrored = new float[rows.length];
    for (int i = 0; i < rows.length; i++) {
      mirrored[i] = rows[i - i % width + width - 1 - i % width];
    }
    return mirrored;
  }

  private Entry entry(TrainingImage image) {
    Entry entry = entries.get(image);
    if (entry == null && onDisk) {
      return read(image);
    }
    if (entry == null) {
      throw new IllegalStateException(image + " was not cached");
    }
    return entry;
  }

  private static Entry read(TrainingImage image) {
    LatentCache.Entry cached = LatentCache.read(image);
    NpyArray mask = cached.alphaMask();
    return new Entry(
        tensor(cached.latents()),
        cached.flipped() == null ? null : tensor(cached.flipped()),
        mask == null ? null : mask.floats());
  }

  private static Tensor tensor(NpyArray array) {
    return Ops.of(array.floats(), array.shape().stream().mapToLong(Integer::longValue).toArray());
  }

  @Override
  public void close() {
    for (Entry entry : entries.values()) {
      entry.latents().close();
      if (entry.flipped() != null) {
        entry.flipped().close();
      }
    }
    entries.clear();
  }
}
