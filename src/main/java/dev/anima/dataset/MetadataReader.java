package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.dataset.FoundImage.CaptionSource;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Reads subsets that are listed in a JSON or JSON-lines file (fine-tuning style).
final class MetadataReader {
  private final SizeReader sizes;
  private final Findings findings;
  private final Map<Path, Map<String, List<LatentCacheName>>> listed = new HashMap<>();

  MetadataReader(SizeReader sizes, Findings findings) {
    this.sizes = sizes;
    this.findings = findings;
  }

  /// The images of a subset, longest key first.
  ///
  /// @param metadataFile the subset's list
  List<FoundImage> read(SubsetSpec subset, String metadataFile) {
    Map<String, JsonNode> entries;
    try {
      entries = entries(Path.of(metadataFile));
    } catch (InputException e) {
      findings.problem("metadata-unreadable", String.valueOf(e.getMessage()));
      return List.of();
    }
    List<String> keys = new ArrayList<>(entries.keySet());
    keys.sort(
        Comparator.comparingInt((String key) -> key.codePointCount(0, key.length())).reversed());
    List<FoundImage> images = new ArrayList<>();
    for (String key : keys) {
      try {
        images.add(image(key, entries.getOrDefault(key, NOTHING), subset, metadataFile));
      } catch (InputException e) {
        findings.problem("unreadable", String.valueOf(e.getMessage()));
      }
    }
    return images;
  }

  private static final JsonNode NOTHING = JsonMapper.shared().createObjectNode();

  private static Map<String, JsonNode> entries(Path file) {
    String text;
    try {
      text = Files.readString(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new InputException(
          "metadata_file " + file + ": cannot be read as UTF-8 text (" + e + ")", e);
    }
    String content = text.startsWith("\ufeff") ? text.substring(1) : text;
    Map<String, JsonNode> entries = new LinkedHashMap<>();
    if (!file.toString().endsWith(".jsonl")) {
      parse(file, 0, content).properties().forEach(e -> entries.put(e.getKey(), e.getValue()));
      return entries;
    }
    int number = 0;
    for (String line : content.lines().toList()) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      JsonNode entry = parse(file, number, line);
      JsonNode path = entry.path("image_path");
      if (!path.isString()) {
        throw new InputException(file + ":" + number + ": no image_path");
      }
      entries.put(path.stringValue(), entry);
    }
    return entries;
  }

  private static ObjectNode parse(Path file, int line, String json) {
    String where = line == 0 ? file.toString() : file + ":" + line;
    try {
      if (JsonMapper.shared().readTree(json) instanceof ObjectNode object) {
        return object;
      }
    } catch (JacksonException e) {
      throw new InputException(where + ": not valid JSON (" + e.getOriginalMessage() + ")", e);
    }
    throw new InputException(where + ": expected a JSON object");
  }

  /// Latent caches of an image that is gone; every folder is listed once.
  private List<LatentCacheName> caches(Path image) {
    Path folder = image.toAbsolutePath().getParent();
    return folder == null || !Files.isDirectory(folder)
        ? List.of()
        : listed
            .computeIfAbsent(folder, LatentCacheName::in)
            .getOrDefault(CaptionFile.name(CaptionFile.stem(image.toString())), List.of());
  }

  private FoundImage image(String key, JsonNode entry, SubsetSpec subset, String metadataFile) {
    Path file = Path.of(key);
    if (!file.isAbsolute()) {
      String written = subset.imageDir();
      if (written == null) {
        throw new InputException(
            metadataFile
                + ": "
                + key
                + " is a relative path, so "
                + subset.where()
                + " needs image_dir");
      }
      String imageDir = DatasetReader.onDisk(written, subset.paths().imageDir());
      file = Path.of(ImageFolder.join(imageDir, key));
    }
    String tags = entry.path("tags").stringValue("");
    String caption = caption(entry.path("caption").stringValue(""), tags, subset);
    if (!Files.exists(file)) {
      Optional<LatentCacheName> cached = caches(file).stream().findFirst();
      if (cached.isPresent()) { // the image is gone, its latents are enough
        return new FoundImage(
            key,
            cached.get().file(),
            caption,
            tags,
            CaptionSource.METADATA,
            cached.get().size(),
            null);
      }
    }
    Size size = sizes.size(file);
    JsonNode pair = entry.path("image_size");
    if (pair.size() == 2) {
      Size listed = new Size(pair.get(0).intValue(0), pair.get(1).intValue(0));
      if (!listed.equals(size)) {
        findings.warn(
            "size-differs",
            "%s: is %s but %s lists it as %s; the file counts"
                .formatted(file, size, metadataFile, listed));
      }
    }
    return new FoundImage(key, file, caption, tags, CaptionSource.METADATA, size, null);
  }

  private static String caption(String caption, String tags, SubsetSpec subset) {
    String separator = subset.caption().captionSeparator();
    if (tags.isEmpty()) {
      return caption;
    }
    if (!subset.caption().enableWildcard()) {
      return caption.isEmpty() ? tags : caption + separator + tags;
    }
    // Every line is a caption of its own and gets all tags; without a line there is no caption.
    String oneLine = tags.replace("\n", separator);
    return PythonStrings.split(caption, "\n").stream()
        .filter(line -> !PythonStrings.strip(line).isEmpty())
        .map(line -> line + separator + oneLine)
        .collect(Collectors.joining("\n"));
  }
}
