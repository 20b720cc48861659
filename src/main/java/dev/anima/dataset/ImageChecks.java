package dev.anima.dataset;

import dev.anima.config.SubsetSpec;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;

/// Looks at images for what is probably not meant: one warning a kind, with the files concerned.
final class ImageChecks {
  /// Enlarging by more than this makes images visibly soft.
  private static final double STRONG_ENLARGEMENT = 1.5;

  /// Losing more than this share of the image to the crop is worth a look.
  private static final double STRONG_CROP = 0.25;

  private final Findings findings = new Findings();
  private final Map<Path, TrainingImage> images = new LinkedHashMap<>();

  private ImageChecks(List<Dataset> datasets) {
    for (Dataset dataset : datasets) {
      dataset.images().forEach(image -> images.putIfAbsent(image.found().file(), image));
    }
  }

  static Findings of(List<Dataset> datasets, ImageInspector inspector) {
    ImageChecks checks = new ImageChecks(datasets);
    checks.contents(inspector);
    checks.framing(datasets);
    checks.sameContent();
    checks.caches();
    return checks.findings;
  }

  /// Decodes every image, which also shows the ones that cannot be.
  private void contents(ImageInspector inspector) {
    List<String> turned = new ArrayList<>();
    List<String> transparent = new ArrayList<>();
    for (TrainingImage image : images.values()) {
      if (image.found().file().toString().endsWith(".npz")) {
        continue; // only its latents are left
      }
      try {
        ImageInspector.Look look = inspector.look(image.found().file());
        if (look.orientation() != 1) {
          turned.add(image.key());
        }
        if (look.transparent() && !image.subset().spec().alphaMask()) {
          transparent.add(image.key());
        }
      } catch (InputException e) {
        findings.problem("unreadable", String.valueOf(e.getMessage()));
      }
    }
    findings.warnAbout(
        "exif-rotated",
        "the EXIF orientation is ignored in training, so these images are seen turned or mirrored",
        turned);
    findings.warnAbout(
        "alpha-dropped",
        "transparency is dropped, hidden colours of transparent pixels show (set alpha_mask to"
            + " leave them out of the loss)",
        transparent);
  }

  private void framing(List<Dataset> datasets) {
    TreeSet<String> enlarged = new TreeSet<>(PythonStrings.CODE_POINT_ORDER);
    TreeSet<String> cropped = new TreeSet<>(PythonStrings.CODE_POINT_ORDER);
    for (Dataset dataset : datasets) {
      for (TrainingImage image : dataset.images()) {
        BucketChoice choice = image.choice();
        if (choice.scale() > STRONG_ENLARGEMENT) {
          enlarged.add("%s (%s to %s)".formatted(image.key(), choice.image(), choice.resized()));
        }
        double kept = (double) choice.bucket().area() / choice.resized().area();
        if (1 - kept > STRONG_CROP) {
          cropped.add("%s (%.0f %%)".formatted(image.key(), 100 * (1 - kept)));
        }
      }
    }
    findings.warnAbout(
        "upscaled",
        "enlarged by more than half; larger originals would help",
        List.copyOf(enlarged));
    findings.warnAbout(
        "cropped", "more than a quarter of the image is cut away", List.copyOf(cropped));
  }

  /// Files with the same bytes, by size first so that few files are read.
  private void sameContent() {
    Map<Long, List<Path>> bySize = new LinkedHashMap<>();
    for (Path file : images.keySet()) {
      try {
        bySize.computeIfAbsent(Files.size(file), _ -> new ArrayList<>()).add(file);
      } catch (IOException e) {
        throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
      }
    }
    List<String> pairs = new ArrayList<>();
    for (List<Path> candidates : bySize.values()) {
      for (int i = 1; i < candidates.size(); i++) {
        Path file = candidates.get(i);
        sameAs(file, candidates.subList(0, i)).ifPresent(first -> pairs.add(file + " = " + first));
      }
    }
    findings.warnAbout("duplicate", "the same image twice", pairs);
  }

  private static Optional<Path> sameAs(Path file, List<Path> candidates) {
    for (Path candidate : candidates) {
      try {
        if (Files.mismatch(file, candidate) < 0) {
          return Optional.of(candidate);
        }
      } catch (IOException e) {
        throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
      }
    }
    return Optional.empty();
  }

  private void caches() {
    Map<Path, List<Path>> latents = latentCaches();
    List<String> otherSize = new ArrayList<>();
    List<String> otherImage = new ArrayList<>();
    LatentSources sources = new LatentSources();
    List<String> olderText = new ArrayList<>();
    for (TrainingImage image : images.values()) {
      Path file = image.found().file();
      Path stem = Path.of(CaptionFile.stem(file.toString()));
      for (Path cache : latents.getOrDefault(stem, List.of())) {
        if (!cache.equals(LatentCache.file(image))) {
          otherSize.add(cache.toString());
        } else if (!sources.isSource(file, cache)) {
          otherImage.add(cache.toString());
        }
      }
      if (hasUnnoticedEdit(image)) {
        olderText.add(TextCache.file(image).toString());
      }
    }
    findings.warnAbout(
        "stale-latents", "made from an image of another size, not used; delete them", otherSize);
    findings.warnAbout(
        "stale-latents", "not made from the image as it is now, will be made again", otherImage);
    findings.warnAbout(
        "stale-text",
        "older than the caption file and written by a program that does not record the caption;"
            + " delete them if the caption was edited",
        olderText);
  }

  /// All latent cache files of the folders concerned, by the path of their image without extension.
  private Map<Path, List<Path>> latentCaches() {
    Map<Path, List<Path>> byStem = new HashMap<>();
    images.keySet().stream()
        .map(Path::getParent)
        .distinct()
        .forEach(parent -> {
          Path folder = parent == null ? Path.of("") : parent;
          try (Stream<Path> files = Files.list(folder)) {
            files
                .sorted()
                .forEach(file ->
                    LatentCacheName.stemOf(file)
                        .ifPresent(stem ->
                            byStem.computeIfAbsent(stem, _ -> new ArrayList<>()).add(file)));
          } catch (IOException e) {
            throw new InputException(folder + ": cannot be listed", e);
          }
        });
    return byStem;
  }

  private static boolean hasUnnoticedEdit(TrainingImage image) {
    Path cache = TextCache.file(image);
    SubsetSpec subset = image.subset().spec();
    Optional<Path> caption = CaptionFile.find(image.key(), subset.captionExtension());
    return caption.isPresent()
        && Files.isRegularFile(cache)
        && LatentCache.isOlder(cache, caption.get())
        && !TextCache.namesItsSource(cache);
  }
}
