package dev.anima.captions;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/// Operations that add, remove and rename tags.
public final class TagOperations {
  private TagOperations() {}

  /// What happens to a tag that is to be added and already there.
  public enum IfPresent {
    /// It stays where it is.
    SKIP,
    /// It goes to the new place.
    MOVE
  }

  /// Adds tags in the given order.
  public static Operation add(List<String> added, Position position, IfPresent ifPresent) {
    return Operation.creating(
        "add",
        "add " + quoted(added),
        (tags, caption) -> {
          List<String> others = new ArrayList<>(tags);
          List<String> coming = new ArrayList<>(new LinkedHashSet<>(added));
          if (ifPresent == IfPresent.MOVE) {
            others.removeAll(coming);
          } else {
            coming.removeAll(tags);
          }
          others.addAll(position.in(others, caption), coming);
          return others;
        });
  }

  /// Removes every tag that a pattern means.
  public static Operation remove(List<TagPattern> patterns, String description) {
    return Operation.onTags(
        "remove",
        "remove " + description,
        (tags, _) -> tags.stream().filter(tag -> !TagPattern.any(patterns, tag)).toList());
  }

  /// Gives tags another name; several become one, at the first place of any of them or of a tag
  /// that has the new name already.
  ///
  /// @param to the new name; several tags, or none to delete
  public static Operation rename(List<String> from, List<String> to) {
    Map<String, List<String>> names = new LinkedHashMap<>();
    from.forEach(tag -> names.put(tag, to));
    return mapped("rename", "rename " + quoted(from) + " to " + quoted(to), names);
  }

  /// Renames many tags in one go.
  ///
  /// @param names old name to new tags; none to delete
  public static Operation map(Map<String, List<String>> names) {
    return mapped("map", "rename by a list of " + names.size() + " names", names);
  }

  private static Operation mapped(
      String name, String description, Map<String, List<String>> names) {
    Map<String, List<String>> known = Map.copyOf(names);
    return Operation.onTags(
        name,
        description,
        (tags, _) -> {
          Merging merging = new Merging();
          for (String tag : tags) {
            List<String> to = known.get(tag);
            if (to == null || to.equals(List.of(tag))) {
              merging.keep(tag);
            } else {
              to.forEach(merging::change);
            }
          }
          return merging.tags();
        });
  }

  /// Makes `prefix` the first tags, in this order, and removes their copies elsewhere.
  public static Operation setPrefix(List<String> prefix) {
    return Operation.creating(
        "set-prefix",
        "set the prefix to " + quoted(prefix),
        (tags, _) -> {
          List<String> result = new ArrayList<>(prefix);
          tags.stream().filter(tag -> !prefix.contains(tag)).forEach(result::add);
          return result;
        });
  }

  /// Removes tags of `prefix` from the front, up to the first other tag.
  public static Operation stripPrefix(List<String> prefix) {
    return Operation.onTags(
        "strip-prefix",
        "strip the prefix " + quoted(prefix),
        (tags, _) -> {
          int start = 0;
          while (start < tags.size() && prefix.contains(tags.get(start))) {
            start++;
          }
          return tags.subList(start, tags.size());
        });
  }

  /// Keeps the first of equal tags.
  ///
  /// @param loosely tags that differ in case or in `_` for a space are equal too
  public static Operation dedup(boolean loosely) {
    UnaryOperator<String> form =
        loosely ? tag -> tag.toLowerCase(Locale.ROOT).replace('_', ' ') : tag -> tag;
    return Operation.onTags(
        "dedup",
        loosely ? "remove repeated tags, case and _ aside" : "remove repeated tags",
        (tags, _) -> {
          Set<String> seen = new HashSet<>();
          return tags.stream().filter(tag -> seen.add(form.apply(tag))).toList();
        });
  }

  /// Removes empty pieces, such as between the commas of `a, , b`.
  public static Operation removeEmpty() {
    return new Operation() {
      @Override
      public String name() {
        return "remove-empty";
      }

      @Override
      public String description() {
        return "remove empty tags";
      }

      @Override
      public String apply(Caption caption) {
        boolean empty = caption.separators().pieces(caption.line()).contains("");
        return empty ? caption.separators().join(caption.tags()) : caption.line();
      }
    };
  }

  /// Which of two tags goes when one says the other too.
  public enum Keep {
    SPECIFIC,
    GENERAL
  }

  /// Removes tags that others say already.
  public static Operation pruneImplied(Implications implications, Keep keep) {
    return Operation.onTags(
        "prune-implied",
        keep == Keep.SPECIFIC
            ? "remove tags that another one implies"
            : "remove tags that imply another one",
        (tags, caption) -> {
          Map<String, List<String>> redundant = implications.redundant(tags, caption.prefix());
          Set<String> gone = new HashSet<>();
          if (keep == Keep.SPECIFIC) {
            gone.addAll(redundant.keySet());
          } else {
            redundant.values().forEach(gone::addAll);
            gone.removeAll(caption.prefix());
          }
          return tags.stream().filter(tag -> !gone.contains(tag)).toList();
        });
  }

  /// Removes the tags of a category.
  public static Operation dropCategory(TagCategory category, TagCategories categories) {
    return Operation.onTags(
        "drop-category",
        "remove all tags of the category " + category.label(),
        (tags, caption) ->
            tags.stream()
                .filter(tag -> categories.of(tag) != category || caption.prefix().contains(tag))
                .toList());
  }

  /// Removes all tags.
  public static Operation clear() {
    return Operation.onTags("clear", "remove all tags", (_, _) -> List.of());
  }

  static String quoted(List<String> tags) {
    return tags.isEmpty() ? "nothing" : "\"" + String.join(", ", tags) + "\"";
  }
}
