package dev.anima.config;

import dev.anima.io.InputException;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Sizes of memory as people write them.
final class MemorySize {
  private static final Pattern FORM = Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([a-z]*)");
  private static final Map<String, Double> UNITS =
      Map.of(
          "", 1.0,
          "b", 1.0,
          "kb", 1e3,
          "mb", 1e6,
          "gb", 1e9,
          "kib", 0x1p10,
          "mib", 0x1p20,
          "gib", 0x1p30);

  private MemorySize() {}

  /// Bytes of `8GB` (a thousand to the next unit), `7.5GiB` (1024) or `8000000000`, in any case.
  ///
  /// @param flag for the message
  static long parse(String flag, String text) {
    Matcher matcher = FORM.matcher(text.strip().toLowerCase(Locale.ROOT));
    Double unit = matcher.matches() ? UNITS.get(matcher.group(2)) : null;
    long bytes = unit == null ? 0 : (long) (Double.parseDouble(matcher.group(1)) * unit);
    if (bytes <= 0) {
      throw new InputException(
          "--%s=%s: expected a size of memory such as 8GB, 7.5GiB or 8000MB".formatted(flag, text));
    }
    return bytes;
  }
}
