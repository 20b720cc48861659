package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// `metadata_cache.json` in an image folder: captions and sizes of an earlier run (`cache_info`).
///
/// The reference believes it blindly. Here an entry counts only while image and caption file are as
/// they were: each entry holds their sizes and times, and an entry of the reference, which lacks
/// them, counts while both files are older than the cache.
final class InfoCache {
  private static final String NAME = "metadata_cache.json";

  /// What is known of one image.
  record Entry(String caption, Size size, String fingerprint) {}

  private final Path file;
  private final String options;
  private final Map<String, Entry> entries;
  private final long savedAt;

  private InfoCache(Path file, String options, Map<String, Entry> entries, long savedAt) {
    this.file = file;
    this.options = options;
    this.entries = entries;
    this.savedAt = savedAt;
  }

  /// The cache of a folder; empty if there is none or it cannot be read.
  static InfoCache load(String imageDir, SubsetSpec subset) {
    Path file = Path.of(imageDir, NAME);
    // What a stored caption depends on besides its file.
    String options =
        subset.captionExtension()
            + "|"
            + subset.caption().enableWildcard()
            + "|"
            + subset.classTokens();
    Map<String, Entry> entries = new HashMap<>();
    long savedAt = 0;
    try {
      if (Files.isRegularFile(file)) {
        savedAt = Files.getLastModifiedTime(file).toMillis();
        JsonMapper.shared()
            .readTree(Files.readAllBytes(file))
            .properties()
            .forEach(
                field -> entry(field.getValue()).ifPresent(e -> entries.put(field.getKey(), e)));
      }
    } catch (IOException | JacksonException _) {
      entries.clear(); // it is only a cache: everything is read again and written anew
    }
    return new InfoCache(file, options, entries, savedAt);
  }

  private static Optional<Entry> entry(JsonNode node) {
    JsonNode resolution = node.path("resolution");
    if (!node.path("caption").isString() || resolution.size() != 2) {
      return Optional.empty();
    }
    Size size = new Size(resolution.get(0).intValue(0), resolution.get(1).intValue(0));
    return size.width() < 1 || size.height() < 1
        ? Optional.empty()
        : Optional.of(
            new Entry(node.get("caption").stringValue(), size, node.path("files").stringValue("")));
  }

  /// The entry of an image, if its files have not changed since.
  Optional<Entry> stillTrue(String key, Path image, Optional<Path> caption) {
    Entry entry = entries.get(key);
    if (entry == null) {
      return Optional.empty();
    }
    try {
      boolean unchanged =
          entry.fingerprint().isEmpty()
              ? isOlder(image) && (caption.isEmpty() || isOlder(caption.get()))
              : entry.fingerprint().equals(fingerprint(image, caption));
      return unchanged ? Optional.of(entry) : Optional.empty();
    } catch (IOException _) {
      return Optional.empty(); // reading the image itself will say what is wrong
    }
  }

  private boolean isOlder(Path path) throws IOException {
    return Files.getLastModifiedTime(path).toMillis() <= savedAt;
  }

  private String fingerprint(Path image, Optional<Path> caption) throws IOException {
    return options + "|" + stamp(image) + "|" + (caption.isEmpty() ? "" : stamp(caption.get()));
  }

  private static String stamp(Path path) throws IOException {
    return Files.size(path) + "@" + Files.getLastModifiedTime(path).toMillis();
  }

  /// Writes the cache, if it does not already say the same. A folder that cannot be written to is
  /// no error: the cache only saves time.
  void save(List<FoundImage> images) {
    Map<String, Object> json = new LinkedHashMap<>();
    try {
      boolean changed = images.size() != entries.size();
      for (FoundImage image : images) {
        Optional<Path> caption =
            image.source() == FoundImage.CaptionSource.FILE
                ? CaptionFile.find(image.key(), options.substring(0, options.indexOf('|')))
                : Optional.empty();
        String fingerprint = fingerprint(image.file(), caption);
        Entry known = entries.get(image.key());
        changed |= known == null || !known.fingerprint().equals(fingerprint);
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("caption", image.caption());
        Size size = image.size();
        entry.put("resolution", List.of(size.width(), size.height()));
        entry.put("files", fingerprint);
        json.put(image.key(), entry);
      }
      if (changed) {
        Files.writeString(file, PythonJson.indented(json));
      }
    } catch (IOException _) {
      return;
    }
  }
}
