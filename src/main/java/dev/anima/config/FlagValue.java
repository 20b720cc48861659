package dev.anima.config;

import org.jspecify.annotations.Nullable;

/// What one flag was set to, and how.
///
/// @param value null for "not set"; else `String`, `Long`, `Double`, `Boolean`, [IntOrRatio],
///   `List<String>` or `List<Double>`, by the flag's kind (a float may hold a `Long` where Python
///   would: the default 1 of `--network_alpha`)
/// @param typedName name as the user wrote it, perhaps abbreviated
/// @param typedText value as the user wrote it, words of a list joined by blanks
/// @param where `--typed_name` or `FILE:LINE`, for messages
/// @param timesGiven how often it was on the command line (the last one counts)
public record FlagValue(
    Flag flag,
    @Nullable Object value,
    Source source,
    String typedName,
    String typedText,
    String where,
    int timesGiven) {

  /// Where a value comes from, weakest first.
  public enum Source {
    DEFAULT,
    PRESET,
    CONFIG_FILE,
    COMMAND_LINE
  }

  static FlagValue ofDefault(Flag flag) {
    return new FlagValue(
        flag, flag.defaultValue(), Source.DEFAULT, flag.name(), "", flag.dashed(), 0);
  }

  /// True when the user wrote it, on the command line or in a flag file.
  public boolean given() {
    return source == Source.COMMAND_LINE || source == Source.CONFIG_FILE;
  }

  public boolean abbreviated() {
    return !typedName.equals(flag.name());
  }
}
