package dev.anima.captions;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Tags that another tag of the same caption says already: `swimsuit` beside `bikini`, `shirt`
/// beside `white shirt`.
///
/// A tag is implied by the list of implications (transitively), or when its words are the last
/// words of the other, unless a dropped word is a negation (`no bra`), the pair is a known
/// exception (`dress shoes`), or the tag belongs to the prefix.
public final class Implications {
  private final TagKnowledge knowledge;
  private final Map<String, Set<String>> more;

  public Implications(TagKnowledge knowledge) {
    this(knowledge, Map.of());
  }

  /// @param more implications beside the known ones: what a tag says too, one step
  public Implications(TagKnowledge knowledge, Map<String, Set<String>> more) {
    this.knowledge = knowledge;
    this.more = Map.copyOf(more);
  }

  /// Every redundant tag with the tags that imply it, in the caption's order. Sentences neither
  /// imply nor are implied.
  ///
  /// @param prefix tags that are never redundant
  public Map<String, List<String>> redundant(List<String> tags, List<String> prefix) {
    Map<String, List<String>> found = new LinkedHashMap<>();
    List<String> plain = tags.stream().distinct().filter(tag -> !Sentences.is(tag)).toList();
    for (String general : plain) {
      if (prefix.contains(general)) {
        continue;
      }
      List<String> by = new ArrayList<>();
      for (String specific : plain) {
        if (implies(specific, general)) {
          by.add(specific);
        }
      }
      if (!by.isEmpty()) {
        found.put(general, List.copyOf(by));
      }
    }
    return found;
  }

  /// Whether a caption with `specific` says nothing new with `general`.
  public boolean implies(String specific, String general) {
    String a = spaced(specific);
    String b = spaced(general);
    return !a.equals(b) && (isListed(a, b) || (endsWith(a, b) && !knowledge.isException(a, b)));
  }

  private boolean isListed(String specific, String general) {
    Deque<String> open = new ArrayDeque<>(List.of(specific));
    Set<String> seen = new HashSet<>(open);
    while (!open.isEmpty()) {
      String tag = open.pop();
      List<String> next = new ArrayList<>(knowledge.impliedBy(tag));
      next.addAll(more.getOrDefault(tag, Set.of()));
      for (String said : next) {
        if (said.equals(general)) {
          return true;
        }
        if (seen.add(said)) {
          open.push(said);
        }
      }
    }
    return false;
  }

  private boolean endsWith(String specific, String general) {
    if (!specific.endsWith(" " + general)) {
      return false;
    }
    String dropped = specific.substring(0, specific.length() - general.length() - 1);
    for (String word : dropped.split(" ")) {
      if (knowledge.list("negations").contains(word) || isUndone(word)) {
        return false;
      }
    }
    return true;
  }

  /// `untied`, `unbuttoned`; but `under` and `uniform` are no negations.
  private static boolean isUndone(String word) {
    return word.startsWith("un") && word.endsWith("ed");
  }

  private static String spaced(String tag) {
    return tag.replace('_', ' ');
  }
}
