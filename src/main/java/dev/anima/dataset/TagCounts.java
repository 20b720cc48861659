package dev.anima.dataset;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// How often each tag occurs in the captions of each folder, in order of first appearance.
final class TagCounts {
  private TagCounts() {}

  /// Folder name to tag to count for one dataset. Captions count once, whatever their repeats;
  /// subsets of the same folder name share a map.
  static Map<String, Map<String, Integer>> of(Dataset dataset) {
    Map<String, Map<String, Integer>> byFolder = new LinkedHashMap<>();
    for (Subset subset : dataset.subsets()) {
      Map<String, Integer> counts =
          byFolder.computeIfAbsent(subset.name(), _ -> new LinkedHashMap<>());
      for (FoundImage image : subset.images()) {
        for (String part : PythonStrings.split(image.tagText(), ",")) {
          String tag = PythonStrings.strip(part).toLowerCase(Locale.ROOT);
          if (!tag.isEmpty()) {
            counts.merge(tag, 1, Integer::sum);
          }
        }
      }
    }
    return byFolder;
  }
}
