package dev.anima.tag;

/// In which order a caption lists its tags.
public enum TagOrder {
  /// [#FILE] for models with `selected_tags.csv`, [#PROBABILITY] for those with `tag_mapping.json`.
  USUAL,
  /// As the model's list has them: general tags, then characters, then others.
  FILE,
  /// The likeliest first; of equals, the one that the list has first.
  PROBABILITY,
  /// By name.
  ALPHABETICAL
}
