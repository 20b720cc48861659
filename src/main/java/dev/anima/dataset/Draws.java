package dev.anima.dataset;

import java.util.List;

/// The three kinds of random decision a caption needs. [PythonRandom] makes them from a seed; tests
/// walk through all outcomes.
public interface Draws {
  /// True with probability `p`; consumes one draw even if `p` is 0 or 1.
  boolean chance(double p);

  /// A number in `0 .. n-1`, all equally likely.
  ///
  /// @param n at least 1
  int below(int n);

  default <T> T choice(List<T> list) {
    return list.get(below(list.size()));
  }

  /// Fisher-Yates from the end, in place.
  default <T> void shuffle(List<T> list) {
    for (int i = list.size() - 1; i > 0; i--) {
      T last = list.get(i);
      list.set(i, list.set(below(i + 1), last));
    }
  }
}
