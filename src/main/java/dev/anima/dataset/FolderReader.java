package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.dataset.FoundImage.CaptionSource;
import dev.anima.io.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Reads subsets that are folders of images with captions beside them (DreamBooth and masked
/// style).
final class FolderReader {
  private final SizeReader sizes;
  private final Findings findings;

  FolderReader(SizeReader sizes, Findings findings) {
    this.sizes = sizes;
    this.findings = findings;
  }

  /// The images of a subset by path; an unusable image or folder becomes a finding.
  ///
  /// @param imageDir the subset's folder
  List<FoundImage> read(SubsetSpec subset, String imageDir) {
    if (!Files.isDirectory(Path.of(imageDir))) {
      findings.warn(
          "folder-missing", subset.where() + ": image_dir " + imageDir + " is not a folder");
      return List.of();
    }
    ImageFolder folder = ImageFolder.list(imageDir);
    findings.warnAbout(
        "extension-case",
        imageDir + ": not used, because their extension is neither all lower nor all upper case",
        folder.overlooked());
    Map<String, Path> masks = masks(subset, folder.keys());
    Optional<InfoCache> cache =
        subset.cacheInfo() ? Optional.of(InfoCache.load(imageDir, subset)) : Optional.empty();
    List<FoundImage> images = new ArrayList<>();
    for (String key : folder.keys()) {
      try {
        images.add(image(key, subset, masks.get(key), cache));
      } catch (InputException e) {
        findings.problem("unreadable", String.valueOf(e.getMessage()));
      }
    }
    cache.ifPresent(entries -> entries.save(images));
    warnAboutCaptions(subset, imageDir, images);
    return images;
  }

  private FoundImage image(
      String key, SubsetSpec subset, @Nullable Path mask, Optional<InfoCache> cache) {
    Path file = Path.of(key);
    Optional<Path> captionFile = CaptionFile.find(key, subset.captionExtension());
    CaptionSource source = captionSource(captionFile, subset);
    Optional<InfoCache.Entry> known =
        cache.flatMap(entries -> entries.stillTrue(key, file, captionFile));
    String caption = known.isPresent() ? known.get().caption() : caption(captionFile, subset);
    Size size = known.isPresent() ? known.get().size() : sizes.size(file);
    return new FoundImage(key, file, caption, caption, source, size, mask);
  }

  private static CaptionSource captionSource(Optional<Path> captionFile, SubsetSpec subset) {
    if (captionFile.isPresent()) {
      return CaptionSource.FILE;
    }
    return subset.classTokens() == null ? CaptionSource.NONE : CaptionSource.CLASS_TOKENS;
  }

  private String caption(Optional<Path> captionFile, SubsetSpec subset) {
    if (captionFile.isEmpty()) {
      String classTokens = subset.classTokens();
      return classTokens == null ? "" : classTokens;
    }
    CaptionFile.Text text = CaptionFile.read(captionFile.get(), subset.caption().enableWildcard());
    if (text.byteOrderMark()) {
      findings.warn(
          "caption-bom",
          captionFile.get()
              + ": starts with a byte order mark, which becomes part of the first tag;"
              + " save it as UTF-8 without BOM");
    }
    if (text.caption().isEmpty()) {
      findings.warn(
          "caption-empty", captionFile.get() + ": the caption is empty (its first line is blank)");
    }
    return text.caption();
  }

  private void warnAboutCaptions(SubsetSpec subset, String imageDir, List<FoundImage> images) {
    List<String> missing =
        images.stream()
            .filter(image -> image.source() != CaptionSource.FILE)
            .map(FoundImage::key)
            .toList();
    String instead =
        subset.classTokens() == null
            ? "the caption is empty"
            : "the caption is the class tokens \"" + subset.classTokens() + "\"";
    findings.warnAbout(
        "caption-missing",
        "%s: %d of %d images have no %s file, %s%s"
            .formatted(
                imageDir,
                missing.size(),
                images.size(),
                subset.captionExtension(),
                instead,
                otherExtension(missing)),
        missing);
    warnAboutSameStems(images);
  }

  /// A hint if captions are there under the usual extension.
  private static String otherExtension(List<String> images) {
    long texts =
        images.stream()
            .filter(image -> Files.isRegularFile(Path.of(CaptionFile.stem(image) + ".txt")))
            .count();
    return texts == 0
        ? ""
        : " (but %d have a .txt file: set caption_extension = \".txt\")".formatted(texts);
  }

  private void warnAboutSameStems(List<FoundImage> images) {
    Map<String, String> byStem = new HashMap<>();
    for (FoundImage image : images) {
      String other = byStem.putIfAbsent(CaptionFile.stem(image.key()), image.key());
      if (other != null) {
        findings.warn(
            "same-stem",
            other + " and " + image.key() + " share one caption file and one text cache");
      }
    }
  }

  /// For every image of a masked subset the mask of the same stem; the first by name if several.
  private Map<String, Path> masks(SubsetSpec subset, List<String> images) {
    String written = subset.conditioningDataDir();
    if (written == null) {
      return Map.of();
    }
    String maskDir = DatasetReader.onDisk(written, subset.paths().conditioningDataDir());
    if (!Files.isDirectory(Path.of(maskDir))) {
      findings.problem(
          "mask-missing", subset.where() + ": conditioning_data_dir " + maskDir + " is no folder");
      return Map.of();
    }
    Map<String, Path> byStem = new HashMap<>();
    for (String mask : ImageFolder.list(maskDir).keys()) {
      byStem.putIfAbsent(CaptionFile.name(CaptionFile.stem(mask)), Path.of(mask));
    }
    Map<String, Path> masks = new HashMap<>();
    List<String> without = new ArrayList<>();
    for (String image : images) {
      Path mask = byStem.get(CaptionFile.name(CaptionFile.stem(image)));
      if (mask == null) {
        without.add(image);
      } else {
        masks.put(image, mask);
      }
    }
    if (!without.isEmpty()) {
      findings.problem(
          "mask-missing", maskDir + ": no mask of the same name for " + Findings.listed(without));
    }
    return masks;
  }
}
