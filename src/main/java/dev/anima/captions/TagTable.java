package dev.anima.captions;

import dev.anima.dataset.PythonStrings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/// How often tags occur: over all images in a scope and folder by folder.
///
/// @param images in the scope
/// @param captioned of them, with at least one tag
/// @param files caption files of them, each counted once
/// @param tagsInAll tags of all captions together
/// @param rows one per tag
/// @param folders images in scope of each folder, in order
public record TagTable(
    int images,
    int captioned,
    int files,
    long tagsInAll,
    List<Row> rows,
    Map<String, Integer> folders) {

  /// @param images that have the tag
  /// @param byFolder of them, in each folder; folders without are left out
  public record Row(String tag, int images, Map<String, Integer> byFolder) {}

  /// How rows are ordered.
  public enum Sort {
    COUNT,
    NAME,
    LENGTH
  }

  public TagTable {
    rows = List.copyOf(rows);
  }

  public static TagTable of(CaptionSet set, Predicate<CaptionedImage> scope, Sort sort) {
    Map<String, Map<String, Integer>> tags = new LinkedHashMap<>();
    Map<String, Integer> folders = new LinkedHashMap<>();
    HashSet<Path> files = new HashSet<>();
    int images = 0;
    int captioned = 0;
    long all = 0;
    for (CaptionedImage image : set.images()) {
      if (!scope.test(image)) {
        continue;
      }
      images++;
      folders.merge(image.folder().name(), 1, Integer::sum);
      List<String> own = image.tags();
      if (image.text().isPresent()) {
        files.add(image.file());
      }
      captioned += own.isEmpty() ? 0 : 1;
      all += own.size();
      for (String tag : new HashSet<>(own)) {
        tags.computeIfAbsent(tag, _ -> new HashMap<>())
            .merge(image.folder().name(), 1, Integer::sum);
      }
    }
    List<Row> rows = new ArrayList<>();
    tags.forEach((tag, byFolder) ->
        rows.add(
            new Row(tag, byFolder.values().stream().mapToInt(Integer::intValue).sum(), byFolder)));
    rows.sort(comparator(sort));
    return new TagTable(images, captioned, files.size(), all, rows, folders);
  }

  private static Comparator<Row> comparator(Sort sort) {
    Comparator<Row> byName = Comparator.comparing(Row::tag, PythonStrings.CODE_POINT_ORDER);
    return switch (sort) {
      case COUNT -> Comparator.comparingInt(Row::images).reversed().thenComparing(byName);
      case NAME -> byName;
      case LENGTH ->
          Comparator.comparingInt((Row row) -> row.tag().length()).reversed().thenComparing(byName);
    };
  }
}
