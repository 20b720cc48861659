package dev.anima.captions;

import dev.anima.io.FileHashes;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Files with the same bytes.
public final class Duplicates {
  private Duplicates() {}

  /// Groups of two and more; files that cannot be read are in none.
  public static List<List<CaptionedImage>> groups(List<CaptionedImage> images) {
    Map<Long, List<CaptionedImage>> bySize = new LinkedHashMap<>();
    for (CaptionedImage image : images) {
      try {
        bySize.computeIfAbsent(Files.size(image.image()), _ -> new ArrayList<>()).add(image);
      } catch (IOException _) {
        // it went away, or may not be read
      }
    }
    List<List<CaptionedImage>> groups = new ArrayList<>();
    for (List<CaptionedImage> candidates : bySize.values()) {
      if (candidates.size() > 1) {
        byContent(candidates).values().stream()
            .filter(group -> group.size() > 1)
            .forEach(groups::add);
      }
    }
    return groups;
  }

  private static Map<String, List<CaptionedImage>> byContent(List<CaptionedImage> images) {
    Map<String, List<CaptionedImage>> byHash = new LinkedHashMap<>();
    List<Path> seen = new ArrayList<>();
    for (CaptionedImage image : images) {
      try {
        if (!seen.contains(image.image())) { // a folder may be listed twice
          seen.add(image.image());
          byHash
              .computeIfAbsent(FileHashes.sha256(image.image()), _ -> new ArrayList<>())
              .add(image);
        }
      } catch (InputException _) {
        // it cannot be read: it is the same as none
      }
    }
    return byHash;
  }
}
