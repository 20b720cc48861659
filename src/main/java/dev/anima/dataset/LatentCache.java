package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.io.InputException;
import dev.anima.io.NpyArray;
import dev.anima.io.Npz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Latents on disk, in the reference's files: one file per image, which may hold several bucket
/// sizes. Array names end with `_HxW`, the latent height and width.
public final class LatentCache {
  /// Pixels per latent along each side.
  private static final int PIXELS_PER_LATENT = 8;

  /// What is cached of one image in one bucket.
  ///
  /// @param latents `(16, h, w)` float32
  /// @param flipped the same of the mirrored image, null without `flip_aug`
  /// @param alphaMask `(H, W)` float32 in [0, 1] at pixel size, null without a mask
  /// @param originalSize of the image file
  /// @param edges of the image inside its bucket
  public record Entry(
      NpyArray latents,
      @Nullable NpyArray flipped,
      @Nullable NpyArray alphaMask,
      Size originalSize,
      BucketChoice.Edges edges) {
    public Entry {
      latents = withoutFrames(latents);
      flipped = flipped == null ? null : withoutFrames(flipped);
    }

    /// Old files have `(16, 1, h, w)`.
    private static NpyArray withoutFrames(NpyArray latents) {
      List<Integer> shape = latents.shape();
      return shape.size() == 4 && shape.get(1) == 1
          ? new NpyArray(
              latents.type(), List.of(shape.get(0), shape.get(2), shape.get(3)), latents.bytes())
          : latents;
    }
  }

  private LatentCache() {}

  /// Where the latents of an image are cached.
  public static Path file(TrainingImage image) {
    Path file = image.found().file();
    return file.toString().endsWith(".npz")
        ? file
        : LatentCacheName.of(file, image.choice().image());
  }

  /// What a cache file is good for.
  public enum Use {
    /// It holds all that is needed.
    VALID,
    /// It lacks the bucket, the mirrored latents or the mask, or is not there.
    INCOMPLETE,
    /// It was made from another image than the one that is there now.
    OTHER_IMAGE
  }

  /// Whether the cache file can be used for the image as it is now and is configured now.
  ///
  /// @param sources what is known of the images that caches were made from
  /// @param unseen trust any file that exists (`--skip_cache_check`)
  /// @throws InputException if the file is damaged
  public static Use use(TrainingImage image, LatentSources sources, boolean unseen) {
    Path file = file(image);
    if (!Files.isRegularFile(file)) {
      return Use.INCOMPLETE;
    }
    if (unseen) {
      return Use.VALID;
    }
    Path source = image.found().file();
    if (!file.equals(source) && !sources.isSource(source, file)) {
      return Use.OTHER_IMAGE;
    }
    String suffix = suffix(image);
    Set<String> names = Npz.names(file);
    return names.contains("latents" + suffix)
            && (!image.subset().spec().augment().flipAug()
                || names.contains("latents_flipped" + suffix))
            && (!image.subset().spec().alphaMask() || names.contains("alpha_mask" + suffix))
        ? Use.VALID
        : Use.INCOMPLETE;
  }

  /// Deletes the cache of another image, with whatever buckets are in it.
  ///
  /// @throws InputException if that is not possible
  public static void discard(TrainingImage image) {
    Path file = file(image);
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be deleted (" + e.getMessage() + ")", e);
    }
  }

  /// Whether the cache was written before the image was last changed. The reference does not look.
  static boolean isOlder(Path cache, Path source) {
    try {
      return Files.getLastModifiedTime(cache).compareTo(Files.getLastModifiedTime(source)) < 0;
    } catch (IOException e) {
      throw new InputException(source + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  /// Reads what is cached for the image's bucket.
  ///
  /// A mask in the file counts only while the subset asks for one (the reference goes on using it).
  ///
  /// @throws InputException if the file is missing, damaged, or lacks the bucket
  public static Entry read(TrainingImage image) {
    Path file = file(image);
    String suffix = suffix(image);
    List<String> wanted = new ArrayList<>();
    for (String name :
        List.of("latents", "latents_flipped", "alpha_mask", "original_size", "crop_ltrb")) {
      wanted.add(name + suffix);
    }
    Map<String, NpyArray> arrays = Npz.read(file, wanted);
    NpyArray latents = arrays.get("latents" + suffix);
    NpyArray size = arrays.get("original_size" + suffix);
    NpyArray edges = arrays.get("crop_ltrb" + suffix);
    if (latents == null || size == null || edges == null) {
      throw InputException.inFile(
          file,
          "holds no latents for the bucket " + image.choice().bucket() + "; delete it and restart");
    }
    if (size.length() != 2 || edges.length() != 4) {
      throw InputException.inFile(file, "original_size or crop_ltrb has a wrong shape");
    }
    return new Entry(
        latents,
        arrays.get("latents_flipped" + suffix),
        image.subset().spec().alphaMask() ? arrays.get("alpha_mask" + suffix) : null,
        new Size((int) size.longAt(0), (int) size.longAt(1)),
        new BucketChoice.Edges(
            edges.doubleAt(0), edges.doubleAt(1), edges.doubleAt(2), edges.doubleAt(3)));
  }

  /// Writes latents of the image's bucket; other buckets in the file stay.
  ///
  /// @param latents `(16, h, w)` float32 for the image's bucket
  public static void write(
      TrainingImage image,
      NpyArray latents,
      @Nullable NpyArray flipped,
      @Nullable NpyArray alphaMask) {
    Size latentSize = latentSize(image);
    List<Integer> expected = List.of(latentSize.height(), latentSize.width());
    int axes = latents.shape().size();
    if (axes < 2 || !latents.shape().subList(axes - 2, axes).equals(expected)) {
      throw new IllegalArgumentException(
          "latents of shape " + latents.shape() + " for bucket " + image.choice().bucket());
    }
    String suffix = suffix(image);
    Size size = image.choice().image();
    Map<String, NpyArray> arrays = new LinkedHashMap<>();
    arrays.put("latents" + suffix, latents);
    arrays.put(
        "original_size" + suffix, NpyArray.ofLongs(new long[] {size.width(), size.height()}, 2));
    arrays.put("crop_ltrb" + suffix, NpyArray.ofDoubles(image.choice().edges().toArray(), 4));
    if (flipped != null) {
      arrays.put("latents_flipped" + suffix, flipped);
    }
    if (alphaMask != null) {
      arrays.put("alpha_mask" + suffix, alphaMask);
    }
    Npz.update(file(image), arrays);
  }

  private static Size latentSize(TrainingImage image) {
    Size bucket = image.choice().bucket();
    return new Size(bucket.width() / PIXELS_PER_LATENT, bucket.height() / PIXELS_PER_LATENT);
  }

  private static String suffix(TrainingImage image) {
    Size size = latentSize(image);
    return "_" + size.height() + "x" + size.width();
  }

  /// Groups images for encoding, as the reference does: by bucket area (otherwise as registered),
  /// then runs of the same bucket and options, at most `batchSize` each.
  public static List<List<TrainingImage>> batches(List<TrainingImage> images, int batchSize) {
    List<TrainingImage> sorted = new ArrayList<>(images);
    sorted.sort(java.util.Comparator.comparingLong(image -> image.choice().bucket().area()));
    List<List<TrainingImage>> batches = new ArrayList<>();
    List<TrainingImage> batch = new ArrayList<>();
    for (TrainingImage image : sorted) {
      if (!batch.isEmpty()
          && (batch.size() >= batchSize || !encodesAlike(batch.getFirst(), image))) {
        batches.add(List.copyOf(batch));
        batch.clear();
      }
      batch.add(image);
    }
    if (!batch.isEmpty()) {
      batches.add(List.copyOf(batch));
    }
    return batches;
  }

  private static boolean encodesAlike(TrainingImage a, TrainingImage b) {
    return a.choice().bucket().equals(b.choice().bucket())
        && a.subset().spec().augment().flipAug() == b.subset().spec().augment().flipAug()
        && a.subset().spec().alphaMask() == b.subset().spec().alphaMask();
  }
}
