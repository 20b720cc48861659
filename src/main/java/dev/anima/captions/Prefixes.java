package dev.anima.captions;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The tags that must stand first in the captions of each folder: triggers and what goes with them.
///
/// Where the user does not say, they are guessed: the longest list of first tags that 80 % of a
/// folder's captions share, without ordinary tags at its end; a list of nothing but ordinary tags
/// is none.
public final class Prefixes {
  private static final double SHARE = 0.8;

  /// Tags that stand elsewhere more often than this are no part of a guessed prefix's end.
  private static final double ELSEWHERE = 0.2;

  private final Map<CaptionFolder, List<String>> set;
  private final Map<CaptionFolder, List<String>> guessed;

  private Prefixes(Map<CaptionFolder, List<String>> set, Map<CaptionFolder, List<String>> guessed) {
    this.set = Map.copyOf(set);
    this.guessed = Map.copyOf(guessed);
  }

  /// @param given prefix by the name of a folder; under "" for all others
  public static Prefixes of(
      CaptionSet captions, Map<String, List<String>> given, TagKnowledge knowledge) {
    Map<CaptionFolder, List<List<String>>> byFolder = new LinkedHashMap<>();
    for (CaptionedImage image : captions.images()) {
      List<List<String>> lists = byFolder.computeIfAbsent(image.folder(), _ -> new ArrayList<>());
      if (!image.tags().isEmpty()) {
        lists.add(image.tags());
      }
    }
    Map<String, int[]> places = places(byFolder.values());
    Map<CaptionFolder, List<String>> set = new HashMap<>();
    Map<CaptionFolder, List<String>> guessed = new HashMap<>();
    byFolder.forEach((folder, lists) -> {
      List<String> said = given.getOrDefault(folder.name(), given.get(""));
      if (said != null) {
        set.put(folder, said);
      } else if (!folder.spec().isReg()) {
        guessed.put(folder, guess(lists, places, knowledge));
      }
    });
    return new Prefixes(set, guessed);
  }

  /// How often a tag occurs at each of the first places; the last number counts all others.
  private static Map<String, int[]> places(Iterable<List<List<String>>> folders) {
    Map<String, int[]> places = new HashMap<>();
    for (List<List<String>> lists : folders) {
      for (List<String> tags : lists) {
        for (int i = 0; i < tags.size(); i++) {
          int[] counts = places.computeIfAbsent(tags.get(i), _ -> new int[9]);
          counts[Math.min(i, 8)]++;
        }
      }
    }
    return places;
  }

  private static List<String> guess(
      List<List<String>> lists, Map<String, int[]> places, TagKnowledge knowledge) {
    List<String> prefix = new ArrayList<>();
    List<List<String>> sharing = lists;
    while (lists.size() > 1 && prefix.size() < 8) {
      int at = prefix.size();
      Map<String, Integer> counts = new LinkedHashMap<>();
      for (List<String> tags : sharing) {
        if (tags.size() > at) {
          counts.merge(tags.get(at), 1, Integer::sum);
        }
      }
      Optional<String> next =
          counts.entrySet().stream()
              .filter(entry -> entry.getValue() >= SHARE * lists.size())
              .map(Map.Entry::getKey)
              .findFirst();
      if (next.isEmpty()) {
        break;
      }
      String tag = next.get();
      prefix.add(tag);
      sharing =
          sharing.stream().filter(tags -> tags.size() > at && tags.get(at).equals(tag)).toList();
    }
    while (!prefix.isEmpty()
        && (knowledge.isOrdinary(prefix.getLast())
            || movesAbout(places.get(prefix.getLast()), prefix.size() - 1))) {
      prefix.removeLast();
    }
    return prefix;
  }

  private static boolean movesAbout(int @Nullable [] counts, int place) {
    if (counts == null) {
      return false;
    }
    int all = 0;
    for (int count : counts) {
      all += count;
    }
    return all - counts[place] > ELSEWHERE * all;
  }

  /// Empty if none is known.
  public List<String> of(CaptionFolder folder) {
    return set.getOrDefault(folder, guessed.getOrDefault(folder, List.of()));
  }

  /// Only what the user said; empty else.
  public List<String> given(CaptionFolder folder) {
    return set.getOrDefault(folder, List.of());
  }
}
