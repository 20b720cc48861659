package dev.anima.train.plan;

import java.util.List;

/// The moment at which most bytes are taken.
///
/// @param moment in words, such as `backward of block 27`
/// @param parts all that is there then, the largest first
public record Peak(long bytes, String moment, List<Part> parts) {
  public Peak {
    parts = List.copyOf(parts);
  }

  /// All tensors of one name.
  public record Part(String name, long bytes) {}
}
