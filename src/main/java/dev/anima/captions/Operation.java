package dev.anima.captions;

import java.util.List;

/// One kind of edit with its parameters: a pure function from caption to caption.
///
/// A result equal to the given line means that the file is not touched.
public interface Operation {
  /// As on the command line, such as `set-prefix`.
  String name();

  /// What it does, for the history: `rename "school swimsuit" to "swimsuit"`.
  String description();

  /// The caption's new first line.
  String apply(Caption caption);

  /// Whether it makes a caption for an image that has none (from the empty one).
  default boolean createsCaptions() {
    return false;
  }

  /// Whether a file that begins with a byte order mark is written anew even if the line stays.
  default boolean removesMark() {
    return false;
  }

  /// What an operation does to a list of tags.
  @FunctionalInterface
  interface TagEdit {
    /// @return the new tags; the same tags if nothing is to change
    List<String> apply(List<String> tags, Caption caption);
  }

  /// An operation on tags. Where it changes none, the line stays as it is, white space and all.
  static Operation onTags(String name, String description, TagEdit edit) {
    return new TagOperation(name, description, edit, false);
  }

  /// As [#onTags], for an operation that makes captions too.
  static Operation creating(String name, String description, TagEdit edit) {
    return new TagOperation(name, description, edit, true);
  }
}
