package dev.anima.train;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// What texts have become, by their key; the ones used longest ago are forgotten first.
final class KeptTexts<V> implements AutoCloseable {
  private final Map<String, V> values = new LinkedHashMap<>(64, 0.75f, true);
  private final Consumer<V> free;

  /// @param free what is to be done with a value that is forgotten
  KeptTexts(Consumer<V> free) {
    this.free = free;
  }

  boolean contains(String key) {
    return values.containsKey(key);
  }

  /// The value of `key`, now the one used last; null if there is none.
  @Nullable V find(String key) {
    return values.get(key);
  }

  /// Keeps `value`, which belongs to this from now on.
  void put(String key, V value) {
    V before = values.put(key, value);
    if (before != null) {
      free.accept(before);
    }
  }

  void forget(String key) {
    V value = values.remove(key);
    if (value != null) {
      free.accept(value);
    }
  }

  /// Forgets all but the `most` used last.
  void forgetOldest(int most) {
    while (values.size() > most) {
      forget(values.keySet().iterator().next());
    }
  }

  @Override
  public void close() {
    forgetOldest(0);
  }
}
