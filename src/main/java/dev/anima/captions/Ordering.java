package dev.anima.captions;

import dev.anima.dataset.PythonStrings;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/// Operations that put tags into another order. The first tags stay: as many as said, else the
/// prefix or what training keeps.
public final class Ordering {
  /// Keeps what [Caption#fixed] says.
  public static final int DEFAULT_KEEP = -1;

  private Ordering() {}

  /// An order of the tags that are not kept.
  @FunctionalInterface
  private interface Rule {
    void arrange(List<String> tags, Caption caption);
  }

  /// By code point, upper and lower case alike; equal ones keep their order.
  public static Operation alphabetical(int keep) {
    Comparator<String> order =
        Comparator.comparing(tag -> tag.toLowerCase(Locale.ROOT), PythonStrings.CODE_POINT_ORDER);
    return order("order the tags alphabetically", keep, (tags, _) -> tags.sort(order));
  }

  /// By the number of images that have a tag, most first.
  public static Operation frequency(int keep) {
    return order(
        "order the tags by frequency",
        keep,
        (tags, caption) ->
            tags.sort(
                Comparator.comparingInt((String tag) -> caption.images().applyAsInt(tag))
                    .reversed()));
  }

  public static Operation reverse(int keep) {
    return order("reverse the tags", keep, (tags, _) -> Collections.reverse(tags));
  }

  /// At random; the same seed gives an image the same order.
  public static Operation shuffle(int keep, long seed) {
    return order(
        "shuffle the tags with seed " + seed,
        keep,
        (tags, caption) ->
            Collections.shuffle(tags, new Random(seed * 31 + caption.key().hashCode())));
  }

  /// Those of `first` that are there go to the front, in its order.
  public static Operation toFront(int keep, List<String> first) {
    return order(
        "move " + TagOperations.quoted(first) + " to the front",
        keep,
        (tags, _) -> tags.sort(Comparator.comparingInt(tag -> place(first, tag, first.size()))));
  }

  /// Those of `last` that are there go to the end, in its order.
  public static Operation toEnd(int keep, List<String> last) {
    return order(
        "move " + TagOperations.quoted(last) + " to the end",
        keep,
        (tags, _) -> tags.sort(Comparator.comparingInt(tag -> place(last, tag, -1))));
  }

  private static int place(List<String> list, String tag, int absent) {
    int at = list.indexOf(tag);
    return at < 0 ? absent : at;
  }

  /// Quality, score, year, rating and meta tags, then people, characters, series, artists and the
  /// rest; inside a group as they were; sentences last.
  public static Operation category(int keep, TagCategories categories) {
    return order(
        "order the tags by category",
        keep,
        (tags, _) -> tags.sort(Comparator.comparingInt(tag -> group(tag, categories))));
  }

  /// Where the groups stand, for the check of the order too.
  public static int group(String tag, TagCategories categories) {
    if (Sentences.is(tag)) {
      return TagCategory.values().length;
    }
    return switch (categories.of(tag)) {
      case QUALITY, SCORE, YEAR, RATING, META -> 0;
      case COUNT -> 1;
      case CHARACTER -> 2;
      case SERIES -> 3;
      case ARTIST -> 4;
      case LIGHTING, GENERAL -> 5;
    };
  }

  private static Operation order(String description, int keep, Rule rule) {
    return Operation.onTags(
        "order",
        description,
        (tags, caption) -> {
          int kept = keep == DEFAULT_KEEP ? caption.fixed() : Math.min(keep, tags.size());
          List<String> moved = new ArrayList<>(tags.subList(kept, tags.size()));
          rule.arrange(moved, caption);
          List<String> result = new ArrayList<>(tags.subList(0, kept));
          result.addAll(moved);
          return result;
        });
  }
}
