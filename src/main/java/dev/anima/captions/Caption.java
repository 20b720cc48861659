package dev.anima.captions;

import java.util.List;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;

/// A caption as an operation sees it.
///
/// @param line first line of the file, as it is
/// @param tags of that line, trimmed, without empty ones
/// @param separators between them
/// @param knownPrefix tags that must stand first in this folder, empty if none are known; asked for
///   only by operations that need it
/// @param keepTokens how many tags training leaves in place at the front
/// @param images images of the data set that have a tag
/// @param key names the image, the same on every machine; shuffles differ by it
public record Caption(
    String line,
    List<String> tags,
    Separators separators,
    Supplier<List<String>> knownPrefix,
    int keepTokens,
    ToIntFunction<String> images,
    String key) {
  public Caption {
    tags = List.copyOf(tags);
  }

  /// The same caption with another line.
  public Caption withLine(String other) {
    return new Caption(
        other, separators.tags(other), separators, knownPrefix, keepTokens, images, key);
  }

  /// Tags that must stand first in this folder, empty if none are known.
  public List<String> prefix() {
    return knownPrefix.get();
  }

  /// How many tags at the front are not to be moved: the prefix, else what training keeps.
  public int fixed() {
    return Math.min(tags.size(), prefix().isEmpty() ? keepTokens : prefix().size());
  }
}
