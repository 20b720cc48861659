package dev.anima.captions.filter;

import dev.anima.captions.TagCategory;
import java.util.List;
import java.util.OptionalDouble;

/// An image, as filters look at it.
public interface FilterSubject {
  /// What an image can be.
  enum State {
    UNTAGGED,
    EDITED,
    SELECTED,
    ERROR,
    CONFLICT,
    DUP,
    MULTILINE,
    ALPHA
  }

  List<String> tags();

  /// The tags, joined.
  String caption();

  /// File name with extension.
  String name();

  /// Whole path.
  String path();

  /// Name of its subset: the last part of its folder.
  String subset();

  /// Path of its folder.
  String folder();

  /// Without the dot.
  String extension();

  /// Empty where the image cannot be read.
  OptionalDouble number(NumberKey key);

  /// Size of its bucket, such as `832x1216`; empty text if there is none.
  String bucket();

  boolean is(State state);

  /// Whether there is a caption file with text.
  boolean hasCaption();

  /// Whether a tag is a sentence.
  boolean hasSentence();

  /// Whether its first tags are the prefix of its subset.
  boolean hasPrefix();

  /// Whether lint finds something.
  ///
  /// @param what `any`, `error`, `warn`, `info` or the id of a rule
  boolean lint(String what);

  TagCategory category(String tag);
}
