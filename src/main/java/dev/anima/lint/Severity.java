package dev.anima.lint;

import java.util.Locale;

/// How bad a finding is.
public enum Severity {
  /// Training stops, or silently trains something else.
  ERROR,
  /// Probably harms.
  WARN,
  /// Worth a look.
  INFO;

  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// Whether this is as bad as `other`, or worse.
  public boolean isAtLeast(Severity other) {
    return compareTo(other) <= 0;
  }
}
