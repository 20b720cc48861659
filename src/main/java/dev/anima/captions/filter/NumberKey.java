package dev.anima.captions.filter;

import java.util.Locale;

/// What can be compared with a number.
public enum NumberKey {
  /// Tags of the caption.
  TAGS,
  /// Characters of the caption, tags joined.
  CHARS,
  /// Tokens of the longer of the two tokenizers, without end marks.
  TOKENS,
  WIDTH,
  HEIGHT,
  /// The shorter side.
  SIDE,
  /// Millions of pixels.
  MP,
  /// Width divided by height.
  RATIO,
  /// Size of the image file.
  BYTES,
  /// Share of the resized image that training cuts away, in percent.
  CROP,
  /// Factor by which training enlarges (above 1) or shrinks the image.
  SCALE,
  /// Tags that the vocabulary does not know.
  UNKNOWN;

  String key() {
    return name().toLowerCase(Locale.ROOT);
  }
}
