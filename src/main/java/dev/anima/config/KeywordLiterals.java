package dev.anima.config;

import dev.anima.config.PythonLiteral.MalformedLiteralException;
import dev.anima.io.InputException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `--optimizer_args` and `--lr_scheduler_args`: words of the form `key=LITERAL`.
public final class KeywordLiterals {
  private KeywordLiterals() {}

  /// The values by key, in order; see [PythonLiteral#parse] for their types.
  ///
  /// @param flag name for messages, without dashes
  public static Map<String, @Nullable Object> parse(String flag, List<String> words) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    for (String word : words) {
      String[] parts = word.split("=", -1);
      if (parts.length != 2 || parts[0].isBlank()) {
        throw new InputException(
            "--%s: expected key=value with one equals sign, got \"%s\"".formatted(flag, word));
      }
      try {
        values.put(parts[0].strip(), PythonLiteral.parse(parts[1]));
      } catch (MalformedLiteralException e) {
        throw new InputException(
            "--%s: the value of %s is no Python literal (%s), got \"%s\"%s"
                .formatted(flag, parts[0], e.getMessage(), parts[1], hint(parts[0], parts[1])),
            e);
      }
    }
    return Collections.unmodifiableMap(values);
  }

  private static String hint(String key, String text) {
    return switch (text) {
      case "true" -> "\n  -> write %s=True".formatted(key);
      case "false" -> "\n  -> write %s=False".formatted(key);
      default ->
          text.matches("[A-Za-z_][\\w-]*") ? "\n  -> write \"%s='%s'\"".formatted(key, text) : "";
    };
  }
}
