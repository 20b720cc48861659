package dev.anima.train;

import dev.anima.dataset.LatentCache;
import dev.anima.dataset.LatentSources;
import dev.anima.dataset.TrainingImage;
import dev.anima.io.InputException;
import dev.anima.io.NpyArray;
import dev.anima.io.RunFailedException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The cache files of a run's latents: which of them can be used, and writing the others. A folder
/// that cannot be written to costs memory, not the run.
final class LatentFiles {
  private final TrainListener listener;
  private final LatentSources sources = new LatentSources();
  private final Set<Path> unwritable = new HashSet<>();

  LatentFiles(TrainListener listener) {
    this.listener = listener;
  }

  /// Images without a cache that can be used. The cache of another image is deleted, with all its
  /// buckets.
  ///
  /// @param trustFiles `--skip_cache_check`
  List<TrainingImage> missing(List<TrainingImage> images, boolean trustFiles) {
    List<TrainingImage> missing = new ArrayList<>();
    List<TrainingImage> replaced = new ArrayList<>();
    for (TrainingImage image : images) {
      LatentCache.Use use = LatentCache.use(image, sources, trustFiles);
      if (use != LatentCache.Use.VALID) {
        missing.add(image);
      }
      if (use == LatentCache.Use.OTHER_IMAGE) {
        replaced.add(image);
      }
    }
    replaced.forEach(image -> attempt(image, () -> LatentCache.discard(image)));
    tell(replaced.stream().map(image -> image.found().file()).distinct().toList());
    save();
    return missing;
  }

  private void tell(List<Path> replaced) {
    if (!replaced.isEmpty()) {
      String others =
          replaced.size() == 1 ? "" : " (and %d other images)".formatted(replaced.size() - 1);
      listener.on(
          new TrainEvent.Note(
              "%s is not the image%s that its cached latents were made from; they are made again"
                  .formatted(replaced.getFirst(), others)));
    }
  }

  /// Writes the latents of an image beside it.
  ///
  /// @param source the image file as it was when it was read
  /// @return whether they are there now
  boolean write(
      TrainingImage image,
      LatentSources.Stamp source,
      NpyArray latents,
      @Nullable NpyArray flipped,
      @Nullable NpyArray mask) {
    boolean written = attempt(image, () -> LatentCache.write(image, latents, flipped, mask));
    if (written) {
      sources.made(image.found().file(), source);
    }
    return written;
  }

  private boolean attempt(TrainingImage image, Runnable change) {
    Path folder = LatentCache.file(image).toAbsolutePath().getParent();
    if (folder == null || unwritable.contains(folder)) {
      return false;
    }
    try {
      change.run();
      return true;
    } catch (InputException | RunFailedException e) {
      if (unwritable.isEmpty()) {
        listener.on(
            new TrainEvent.Note(
                "latents that cannot be written stay in memory, and the next run makes them again: "
                    + e.getMessage()));
      }
      unwritable.add(folder);
      return false;
    }
  }

  /// Writes down which images the caches belong to.
  void save() {
    sources.save();
  }
}
