package dev.anima.dataset;

import dev.anima.dataset.Dataset.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/// Divides a subset's images into a training and a validation part.
final class ValidationSplit {
  private ValidationSplit() {}

  /// The part for `role`, in shuffled order.
  ///
  /// With a seed both parts come from the same shuffle and `random` is left as it was; without one
  /// each part has its own shuffle from `random` and they overlap (as in the reference).
  ///
  /// @param share of the images for validation, above 0
  static <T> List<T> part(
      List<T> images, double share, OptionalInt seed, Role role, PythonRandom random) {
    List<T> shuffled = new ArrayList<>(images);
    if (seed.isPresent()) {
      new PythonRandom(seed.getAsInt()).shuffle(shuffled);
    } else {
      random.shuffle(shuffled);
    }
    int count = shuffled.size();
    if (role == Role.TRAINING) {
      // A share above 1 gives a negative end, which Python counts from the end of the list.
      int end = (int) Math.ceil(count * (1 - share));
      return List.copyOf(shuffled.subList(0, Math.max(0, end < 0 ? count + end : end)));
    }
    int kept = (int) Math.rint(count * share); // half to even, as Python rounds
    return List.copyOf(shuffled.subList(count - kept, count));
  }
}
