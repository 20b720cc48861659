package dev.anima.tag;

import java.time.LocalDateTime;

/// A time for tests.
final class TagTimes {
  static final LocalDateTime NOON = LocalDateTime.of(2026, 1, 1, 12, 0);

  private TagTimes() {}
}
