package dev.anima.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/// Finds the valid name a misspelt one was probably meant to be.
public final class NearestName {
  private NearestName() {}

  /// The candidate with the fewest edits (insert, delete, replace, swap neighbours), when it is
  /// near enough to be worth suggesting; ties go to the first.
  public static Optional<String> of(String typed, Collection<String> candidates) {
    String wanted = typed.toLowerCase(Locale.ROOT);
    int limit = Math.max(1, Math.min(4, wanted.length() / 3));
    Optional<String> near =
        candidates.stream()
            .filter(name -> edits(wanted, name.toLowerCase(Locale.ROOT)) <= limit)
            .min(Comparator.comparingInt(name -> edits(wanted, name.toLowerCase(Locale.ROOT))));
    if (near.isPresent() || wanted.length() < 4) {
      return near;
    }
    Optional<String> holding =
        candidates.stream()
            .filter(name -> name.toLowerCase(Locale.ROOT).contains(wanted))
            .min(Comparator.comparingInt(String::length));
    return holding.isPresent() ? holding : beginningNear(wanted, candidates, limit);
  }

  /// The candidate whose beginning is most like a misspelt abbreviation (`lr_warmpu`).
  private static Optional<String> beginningNear(
      String wanted, Collection<String> candidates, int limit) {
    return candidates.stream()
        .filter(name -> name.length() > wanted.length() && beginningEdits(wanted, name) <= limit)
        .min(Comparator.comparingInt(name -> beginningEdits(wanted, name)));
  }

  private static int beginningEdits(String wanted, String name) {
    return edits(wanted, name.substring(0, wanted.length()).toLowerCase(Locale.ROOT));
  }

  /// `, did you mean "X"?` for the nearest of `candidates`, or nothing when none is near.
  public static String hint(String typed, Collection<String> candidates) {
    return of(typed, candidates).map(name -> ", did you mean \"" + name + "\"?").orElse("");
  }

  /// A line to put under a message about `typed`, or nothing.
  static String hint(String typed, Collection<String> candidates, String before, String after) {
    return of(typed, candidates)
        .map(name -> "\n  -> did you mean " + before + name + after + "?")
        .orElse("");
  }

  /// Optimal string alignment distance.
  public static int edits(String a, String b) {
    int[][] cost = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        cost[i][j] = i == 0 || j == 0 ? i + j : cheapest(cost, a, b, i, j);
      }
    }
    return cost[a.length()][b.length()];
  }

  private static int cheapest(int[][] cost, String a, String b, int i, int j) {
    boolean same = a.charAt(i - 1) == b.charAt(j - 1);
    int best =
        Math.min(cost[i - 1][j - 1] + (same ? 0 : 1), 1 + Math.min(cost[i - 1][j], cost[i][j - 1]));
    boolean swapped =
        i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
    return swapped ? Math.min(best, cost[i - 2][j - 2] + 1) : best;
  }
}
