package dev.anima.train;

import java.util.Collection;
import java.util.Locale;

/// Finds the name the user probably meant.
public final class NearestName {
  private NearestName() {}

  /// `, did you mean "X"?` for the nearest of `names`, or nothing when none is near.
  public static String hint(String typed, Collection<String> names) {
    String best = "";
    int distance = Math.max(1, typed.length() / 3) + 1;
    for (String name : names) {
      int edits = edits(typed.toLowerCase(Locale.ROOT), name.toLowerCase(Locale.ROOT));
      if (edits < distance) {
        distance = edits;
        best = name;
      }
    }
    return best.isEmpty() ? "" : ", did you mean \"" + best + "\"?";
  }

  /// Levenshtein distance.
  static int edits(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
