package dev.anima.lora;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/// What the user may have meant.
final class NearestNames {
  private NearestNames() {}

  /// At most two of `known`, closest first, that differ from `typed` by few enough letters.
  static List<String> of(String typed, Collection<String> known) {
    int limit = Math.max(2, typed.length() / 3);
    return known.stream()
        .filter(name -> distance(typed, name) <= limit)
        .sorted(Comparator.comparingInt((String name) -> distance(typed, name)))
        .limit(2)
        .toList();
  }

  /// Levenshtein distance.
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int substitution = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substitution, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
