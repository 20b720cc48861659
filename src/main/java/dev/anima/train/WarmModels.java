package dev.anima.train;

import dev.anima.config.ModelFiles;
import dev.anima.config.SubsetSpec.AugmentOptions;
import dev.anima.dataset.BucketChoice;
import dev.anima.dataset.TrainingImage;
import dev.anima.engine.Device;
import dev.anima.io.InputException;
import dev.anima.io.Interpolation;
import dev.anima.io.SafetensorsShards;
import dev.anima.model.Placement;
import dev.anima.model.WeightStorage;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.text.Qwen3;
import dev.anima.model.text.Qwen3Config;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The frozen models and latents that runs of one process share: what one run loaded stays for the
/// next, if that wants the same from the same files. One of each is kept; another takes its place.
///
/// Sharing changes no number: models are frozen, a run's own state (LoRA, random streams, text
/// contexts) is its own, and latents are shared only if all of them would be encoded in the same
/// batches. Not for use by several threads.
public final class WarmModels implements AutoCloseable {
  /// A file as it was when it was read.
  private record Stamp(Path file, long bytes, FileTime changed) {
    static Stamp of(Path file) {
      try {
        Path real = file.toRealPath();
        return new Stamp(real, Files.size(real), Files.getLastModifiedTime(real));
      } catch (IOException e) {
        throw new InputException("%s cannot be read (%s)".formatted(file, e.getMessage()), e);
      }
    }

    static List<Stamp> ofModel(Path file) {
      return SafetensorsShards.partsOf(file).stream().map(Stamp::of).toList();
    }
  }

  /// A LoRA merged into the model.
  private record Merged(Stamp file, double multiplier) {}

  private record DitKey(
      List<Stamp> files,
      Placement placement,
      WeightStorage storage,
      int swapped,
      List<Merged> merged) {}

  private record Qwen3Key(List<Stamp> files, Placement placement) {}

  private record ImageKey(
      Stamp file,
      BucketChoice choice,
      Optional<Interpolation> interpolation,
      AugmentOptions augment,
      boolean alphaMask) {}

  /// How latents were encoded, and of which images in which order.
  private record LatentsKey(
      List<ImageKey> images,
      Stamp vae,
      Placement vaePlacement,
      int chunk,
      CachedLatents.Options options) {}

  private record Kept<K, M extends AutoCloseable>(K key, M model) {}

  private final Map<List<Stamp>, Map<String, String>> described = new HashMap<>();
  private @Nullable Kept<DitKey, AnimaDit> dit;
  private @Nullable Kept<Qwen3Key, Qwen3> qwen3;
  private @Nullable Kept<LatentsKey, CachedLatents> latents;

  /// The DiT that `setup` asks for; stays owned by this.
  ///
  /// @param swapped blocks whose weights wait outside
  AnimaDit dit(TrainSetup setup, Placement placement, int swapped, Supplier<AnimaDit> load) {
    DitKey key =
        new DitKey(
            Stamp.ofModel(setup.config().models().dit()),
            placement,
            TrainSetup.storage(setup.config().precision()),
            swapped,
            setup.config().network().base().stream()
                .map(base -> new Merged(Stamp.of(base.file()), base.multiplier()))
                .toList());
    Kept<DitKey, AnimaDit> kept = dit;
    if (kept == null || !kept.key().equals(key)) {
      releaseDit();
      kept = new Kept<>(key, load.get());
      dit = kept;
    }
    return kept.model();
  }

  /// The text encoder; stays owned by this.
  Qwen3 qwen3(Path path, Placement placement) {
    List<Stamp> files = new ArrayList<>(Stamp.ofModel(Qwen3Config.weightsFile(path)));
    Path config = path.resolve("config.json");
    if (Files.isRegularFile(config)) {
      files.add(Stamp.of(config));
    }
    Qwen3Key key = new Qwen3Key(files, placement);
    Kept<Qwen3Key, Qwen3> kept = qwen3;
    if (kept == null || !kept.key().equals(key)) {
      releaseQwen3();
      kept = new Kept<>(key, Qwen3.load(path, placement));
      qwen3 = kept;
    }
    return kept.model();
  }

  /// Latents of `images` in memory; stay owned by this.
  ///
  /// @param vae file of the VAE that would encode them
  CachedLatents latents(
      List<TrainingImage> images,
      Path vae,
      Placement vaePlacement,
      int chunk,
      CachedLatents.Options options,
      Supplier<CachedLatents> fill) {
    LatentsKey key =
        new LatentsKey(
            images.stream().map(WarmModels::key).toList(),
            Stamp.of(vae),
            vaePlacement,
            chunk,
            options);
    Kept<LatentsKey, CachedLatents> kept = latents;
    if (kept == null || !kept.key().equals(key)) {
      releaseLatents();
      kept = new Kept<>(key, fill.get());
      latents = kept;
    } else {
      kept.model().takeImages(images);
    }
    return kept.model();
  }

  private static ImageKey key(TrainingImage image) {
    return new ImageKey(
        Stamp.of(image.found().file()),
        image.choice(),
        image.interpolation(),
        image.subset().spec().augment(),
        image.subset().spec().alphaMask());
  }

  /// What the metadata says of the model files; hashing them takes seconds, so it is kept.
  synchronized Map<String, String> describe(ModelFiles models) {
    List<Stamp> files = new ArrayList<>(Stamp.ofModel(models.dit()));
    files.add(Stamp.of(models.vae()));
    return described.computeIfAbsent(files, _ -> BaseModelFiles.metadata(models));
  }

  /// The VAE is about to work on `device`: on a card it gets the room it has in a lone run, where
  /// the DiT is loaded after it.
  void makeRoom(Device device) {
    if (!device.isCpu()) {
      releaseDit();
    }
  }

  /// Lets go of the text encoder, whose memory is wanted.
  void releaseQwen3() {
    if (qwen3 != null) {
      qwen3.model().close();
      qwen3 = null;
    }
  }

  /// Lets go of the DiT, whose memory is wanted.
  void releaseDit() {
    if (dit != null) {
      dit.model().close();
      dit = null;
    }
  }

  private void releaseLatents() {
    if (latents != null) {
      latents.model().close();
      latents = null;
    }
  }

  /// Frees everything; what is asked for next is loaded anew.
  public void release() {
    releaseLatents();
    releaseQwen3();
    releaseDit();
  }

  @Override
  public void close() {
    release();
  }
}
