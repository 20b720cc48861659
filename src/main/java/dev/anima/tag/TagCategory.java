package dev.anima.tag;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/// What kind of thing a tag names, as Danbooru sorts them.
public enum TagCategory {
  GENERAL("0"),
  ARTIST("1"),
  COPYRIGHT("3"),
  CHARACTER("4"),
  META("5"),
  RATING("9"),
  MODEL(""),
  QUALITY("");

  private final String number;

  TagCategory(String number) {
    this.number = number;
  }

  /// The category of a number in `selected_tags.csv`.
  static Optional<TagCategory> ofNumber(String number) {
    return Arrays.stream(values())
        .filter(category -> !number.isEmpty() && category.number.equals(number))
        .findFirst();
  }

  /// The category of a name in `tag_mapping.json`, such as `Character`.
  static Optional<TagCategory> ofName(String name) {
    return Arrays.stream(values()).filter(category -> category.title().equals(name)).findFirst();
  }

  /// `Character`.
  String title() {
    return name().charAt(0) + name().substring(1).toLowerCase(Locale.ROOT);
  }
}
