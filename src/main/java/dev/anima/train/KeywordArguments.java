package dev.anima.train;

import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import dev.anima.io.PythonText;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The `key=value` words behind one flag (`--optimizer_args`, `--lr_scheduler_args`), read with
/// types.
///
/// Values are Python literals as the command line parsed them: [Number], [Boolean], [String], a
/// [PythonText.Tuple], [List] or null (`None`). Every getter notes its name; [#rejectUnknown] then
/// refuses what nobody asked for. All complaints are [InputException]s that name flag and key.
public final class KeywordArguments {
  private final String flag;
  private final String owner;
  private final Map<String, @Nullable Object> values;
  private final Set<String> known = new LinkedHashSet<>();

  /// @param flag as the user typed it, such as `--optimizer_args`
  /// @param owner whose arguments they are, such as `AdamW8bit`
  public KeywordArguments(String flag, String owner, Map<String, @Nullable Object> values) {
    this.flag = flag;
    this.owner = owner;
    this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /// Whether the user gave `key` (and not `None`).
  public boolean has(String key) {
    known.add(key);
    return values.get(key) != null;
  }

  /// Whether the user gave `key` as `None`.
  public boolean isNone(String key) {
    known.add(key);
    return values.containsKey(key) && values.get(key) == null;
  }

  public double number(String key, double fallback) {
    return number(key).orElse(fallback);
  }

  public Optional<Double> number(String key) {
    return get(key).map(value -> asNumber(key, value));
  }

  /// A number that has to be given.
  public double requiredNumber(String key) {
    return number(key).orElseThrow(() -> missing(key));
  }

  public long integer(String key, long fallback) {
    return integer(key).orElse(fallback);
  }

  public Optional<Long> integer(String key) {
    return get(key).map(value -> asInteger(key, value));
  }

  /// An integer that has to be given.
  public long requiredInteger(String key) {
    return integer(key).orElseThrow(() -> missing(key));
  }

  public boolean flag(String key, boolean fallback) {
    return get(key)
        .map(value -> {
          if (value instanceof Boolean bool) {
            return bool;
          }
          throw wrong(key, value, "True or False");
        })
        .orElse(fallback);
  }

  public Optional<String> text(String key) {
    return get(key)
        .map(value -> {
          if (value instanceof String text) {
            return text;
          }
          throw wrong(key, value, "a text in quotes");
        });
  }

  /// A tuple or list of exactly `fallback.length` numbers, such as `betas=(0.9, 0.99)`.
  public double[] numbers(String key, double... fallback) {
    return get(key)
        .map(value -> {
          List<Double> numbers = asNumbers(key, value);
          if (numbers.size() != fallback.length) {
            throw wrong(key, value, fallback.length + " numbers, such as (0.9, 0.99)");
          }
          return numbers.stream().mapToDouble(Double::doubleValue).toArray();
        })
        .orElse(fallback);
  }

  /// A tuple or list of any length that has to be given.
  public List<Double> requiredNumbers(String key) {
    return asNumbers(key, get(key).orElseThrow(() -> missing(key)));
  }

  /// Refuses every argument that no getter asked for.
  public void rejectUnknown() {
    for (String key : values.keySet()) {
      if (!known.contains(key)) {
        throw new InputException(
            "%s: %s has no argument \"%s\"%s"
                    .formatted(flag, owner, key, NearestName.hint(key, known))
                + (known.isEmpty() ? "; it takes none" : "; it takes " + String.join(", ", known)));
      }
    }
  }

  /// The value of `key` does not fit: `flag: owner's key is X, expected Y`.
  public InputException wrong(String key, @Nullable Object value, String expected) {
    return new InputException(
        "%s: %s=%s does not fit %s, expected %s"
            .formatted(flag, key, PythonText.str(value), owner, expected));
  }

  private InputException missing(String key) {
    return new InputException("%s: %s needs %s=..., which is missing".formatted(flag, owner, key));
  }

  private Optional<Object> get(String key) {
    known.add(key);
    return Optional.ofNullable(values.get(key));
  }

  private double asNumber(String key, @Nullable Object value) {
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    throw wrong(key, value, "a number");
  }

  private long asInteger(String key, Object value) {
    return switch (value) {
      case Integer number -> number;
      case Long number -> number;
      default -> throw wrong(key, value, "a whole number");
    };
  }

  private List<Double> asNumbers(String key, Object value) {
    List<?> list =
        switch (value) {
          case List<?> plain -> plain;
          case PythonText.Tuple tuple -> tuple.items();
          default -> throw wrong(key, value, "a tuple of numbers");
        };
    List<Double> numbers = new ArrayList<>();
    for (Object element : list) {
      numbers.add(asNumber(key, element));
    }
    return numbers;
  }
}
