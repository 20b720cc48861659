package dev.anima.captions;

import dev.anima.dataset.PythonStrings;
import java.util.ArrayList;
import java.util.List;

/// What stands between tags.
///
/// @param read splits a caption, not empty; white space around tags does not count
/// @param write joins tags
public record Separators(String read, String write) {
  /// A comma; written with a space after it, as training joins tags too.
  public static final Separators COMMA = new Separators(",", ", ");

  public Separators {
    if (read.isEmpty()) {
      throw new IllegalArgumentException("an empty separator");
    }
  }

  /// As training reads captions: written with a space after it unless it ends with white space.
  public static Separators of(String read) {
    boolean spaced = Character.isWhitespace(read.charAt(read.length() - 1));
    return new Separators(read, spaced ? read : read + " ");
  }

  /// The pieces of a line, trimmed, empty ones included.
  public List<String> pieces(String line) {
    List<String> pieces = new ArrayList<>();
    for (String piece : PythonStrings.split(line, read)) {
      pieces.add(PythonStrings.strip(piece));
    }
    return pieces;
  }

  /// The tags of a line: its pieces without the empty ones.
  public List<String> tags(String line) {
    List<String> tags = pieces(line);
    tags.removeIf(String::isEmpty);
    return tags;
  }

  public String join(List<String> tags) {
    return String.join(write, tags);
  }

  /// The tags a user lists; `\,` is a comma inside a tag.
  public List<String> listed(String text) {
    List<String> tags = new ArrayList<>();
    String escaped = "\\" + read;
    String hidden = "\u0000";
    for (String piece : PythonStrings.split(text.replace(escaped, hidden), read)) {
      String tag = PythonStrings.strip(piece.replace(hidden, read));
      if (!tag.isEmpty()) {
        tags.add(tag);
      }
    }
    return tags;
  }
}
