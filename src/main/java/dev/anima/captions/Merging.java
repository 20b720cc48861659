package dev.anima.captions;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Puts a caption together from tags that were changed and tags that were not. A changed tag that
/// is there already becomes one with it, at the earlier place; repeats among the others stay.
final class Merging {
  private record Piece(String tag, boolean changed) {}

  private final List<Piece> pieces = new ArrayList<>();

  void keep(String tag) {
    pieces.add(new Piece(tag, false));
  }

  /// @param tag the new one; nothing is added if it is empty
  void change(String tag) {
    if (!tag.isEmpty()) {
      pieces.add(new Piece(tag, true));
    }
  }

  List<String> tags() {
    Set<String> merged = new HashSet<>();
    pieces.stream().filter(Piece::changed).forEach(piece -> merged.add(piece.tag()));
    Set<String> placed = new HashSet<>();
    List<String> tags = new ArrayList<>();
    for (Piece piece : pieces) {
      if (!merged.contains(piece.tag()) || placed.add(piece.tag())) {
        tags.add(piece.tag());
      }
    }
    return tags;
  }
}
