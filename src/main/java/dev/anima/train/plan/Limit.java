package dev.anima.train.plan;

import java.util.OptionalLong;

/// How much memory a run may take.
///
/// @param bytes empty where nobody knows
/// @param stated whether the user said so, with `--max_memory`
public record Limit(OptionalLong bytes, boolean stated) {
  public static final Limit UNKNOWN = new Limit(OptionalLong.empty(), false);

  public static Limit stated(long bytes) {
    return new Limit(OptionalLong.of(bytes), true);
  }

  public static Limit free(OptionalLong bytes) {
    return new Limit(bytes, false);
  }

  boolean allows(long wanted) {
    return bytes.isEmpty() || wanted <= bytes.getAsLong();
  }
}
