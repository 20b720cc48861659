package dev.anima.dataset;

import dev.anima.io.AtomicFiles;
import dev.anima.io.FileHashes;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Which image files the latent caches beside them were made from: a small hidden file in every
/// image folder, since the caches' own format is the reference's and has no room for it.
///
/// An image is the same as long as its length and time are; if they are not, its content decides.
/// So a picture that was replaced by another of the same name and size is noticed even if it is
/// older than the cache (copying and unzipping keep old times), and one that was merely touched is
/// not encoded again. Of a cache that somebody else made, only length and time of its image at
/// first sight are known: a change after that is noticed, one before it is not.
public final class LatentSources {
  static final String NAME = ".anima-sources.json";
  private static final int VERSION = 1;
  private static final JsonMapper MAPPER = JsonMapper.shared();

  /// An image file as it is or was.
  ///
  /// @param bytes its length
  /// @param modified milliseconds since 1970
  /// @param sha256 of its content; null where only a stranger's cache was seen
  public record Stamp(long bytes, long modified, @Nullable String sha256) {
    /// Of the file as it is now, content and all.
    ///
    /// @throws InputException if it cannot be read
    public static Stamp of(Path image) {
      Stamp outside = outside(image);
      return new Stamp(outside.bytes, outside.modified, FileHashes.sha256(image));
    }

    private static Stamp outside(Path image) {
      try {
        return new Stamp(Files.size(image), Files.getLastModifiedTime(image).toMillis(), null);
      } catch (IOException e) {
        throw new InputException(image + ": cannot be read (" + e.getMessage() + ")", e);
      }
    }

    private boolean looksLike(Stamp other) {
      return bytes == other.bytes && modified == other.modified;
    }
  }

  private static final class Folder {
    final Map<String, Stamp> stamps = new TreeMap<>();
    boolean changed;
  }

  private final Map<Path, Folder> folders = new HashMap<>();

  /// Whether a cache beside `image` was made from what the file holds now, as far as is known.
  ///
  /// @param cache is there
  /// @throws InputException if the image cannot be read
  public boolean isSource(Path image, Path cache) {
    Stamp now = Stamp.outside(image);
    Folder folder = folder(image);
    Stamp before = folder.stamps.get(name(image));
    if (before == null) {
      boolean believed = !LatentCache.isOlder(cache, image);
      if (believed) {
        put(folder, image, now);
      }
      return believed;
    }
    if (before.looksLike(now)) {
      return true;
    }
    String content = before.sha256();
    if (content == null || before.bytes() != now.bytes()) {
      return false;
    }
    boolean same = content.equals(FileHashes.sha256(image));
    if (same) {
      put(folder, image, new Stamp(now.bytes(), now.modified(), content));
    }
    return same;
  }

  /// The latents of `image` were made from a file with this stamp.
  public void made(Path image, Stamp stamp) {
    put(folder(image), image, stamp);
  }

  private static void put(Folder folder, Path image, Stamp stamp) {
    folder.changed |= !stamp.equals(folder.stamps.put(name(image), stamp));
  }

  private static String name(Path image) {
    return String.valueOf(image.getFileName());
  }

  private static Path file(Path image) {
    return image.toAbsolutePath().resolveSibling(NAME);
  }

  private Folder folder(Path image) {
    return folders.computeIfAbsent(file(image), LatentSources::read);
  }

  private static Folder read(Path file) {
    Folder folder = new Folder();
    try {
      if (Files.isRegularFile(file)) {
        JsonNode json = MAPPER.readTree(Files.readAllBytes(file));
        if (json.path("version").asInt(0) == VERSION) {
          json.path("images")
              .properties()
              .forEach(field ->
                  stamp(field.getValue()).ifPresent(s -> folder.stamps.put(field.getKey(), s)));
        }
      }
    } catch (IOException | JacksonException _) {
      folder.stamps.clear(); // then as much is known as of strangers' caches
    }
    return folder;
  }

  private static Optional<Stamp> stamp(JsonNode node) {
    return node.path("bytes").isIntegralNumber() && node.path("modified").isIntegralNumber()
        ? Optional.of(
            new Stamp(
                node.get("bytes").longValue(),
                node.get("modified").longValue(),
                node.path("sha256").isString() ? node.get("sha256").stringValue() : null))
        : Optional.empty();
  }

  /// Writes what is new. A folder that cannot be written to is no error: the next run then knows as
  /// little as this one did.
  public void save() {
    folders.forEach((file, folder) -> {
      if (folder.changed) {
        folder.changed = false;
        Map<String, Object> json = new TreeMap<>();
        json.put("version", VERSION);
        json.put("images", entries(folder));
        try {
          AtomicFiles.write(file, MAPPER.writeValueAsBytes(json));
        } catch (InputException | RunFailedException _) {
          return;
        }
      }
    });
  }

  private static Map<String, Object> entries(Folder folder) {
    Map<String, Object> entries = new TreeMap<>();
    folder.stamps.forEach((name, stamp) -> {
      Map<String, Object> entry = new TreeMap<>();
      entry.put("bytes", stamp.bytes());
      entry.put("modified", stamp.modified());
      String sha256 = stamp.sha256();
      if (sha256 != null) {
        entry.put("sha256", sha256);
      }
      entries.put(name, entry);
    });
    return entries;
  }
}
