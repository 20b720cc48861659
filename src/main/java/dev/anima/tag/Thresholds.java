package dev.anima.tag;

import java.util.EnumMap;
import java.util.Map;

/// From which probability on a tag is taken, per category.
///
/// Probabilities and thresholds are compared in float32, as numpy 2 does: exactly 0.35f passes at
/// 0.35.
///
/// @param base where nothing is said of a category
/// @param given per category
public record Thresholds(float base, Map<TagCategory, Float> given) {
  public Thresholds {
    given = Map.copyOf(given);
  }

  /// The same for all.
  static Thresholds all(double threshold) {
    return new Thresholds((float) threshold, new EnumMap<>(TagCategory.class));
  }

  float of(TagCategory category) {
    return given.getOrDefault(category, base);
  }

  /// The lowest that any flag sets.
  float lowest() {
    return (float) given.values().stream().mapToDouble(Float::doubleValue).reduce(base, Math::min);
  }
}
