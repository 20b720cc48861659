package dev.anima.captions;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// What a tag speaks of, in the order that captions for Anima usually have.
public enum TagCategory {
  QUALITY,
  SCORE,
  YEAR,
  RATING,
  META,
  COUNT,
  CHARACTER,
  SERIES,
  ARTIST,
  LIGHTING,
  GENERAL;

  /// As users write it.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  public static List<String> labels() {
    return Arrays.stream(values()).map(TagCategory::label).toList();
  }
}
