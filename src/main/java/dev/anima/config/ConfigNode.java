package dev.anima.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A value of a TOML or JSON file with the line it stands on (of its key, inside a table; 0 where
/// it is in no file).
sealed interface ConfigNode {
  int line();

  /// A `String`, `Long`, `Double`, `Boolean`, TOML date or time, or [Null].
  record Scalar(Object value, int line) implements ConfigNode {}

  /// In file order.
  record Table(Map<String, ConfigNode> entries, int line) implements ConfigNode {
    public Table {
      entries = Collections.unmodifiableMap(new LinkedHashMap<>(entries));
    }
  }

  record Array(List<ConfigNode> items, int line) implements ConfigNode {
    public Array {
      items = List.copyOf(items);
    }
  }

  /// JSON's null.
  enum Null {
    NULL;

    @Override
    public String toString() {
      return "null";
    }
  }

  /// As a message shows it: texts in quotes, tables and arrays by kind.
  default String shown() {
    return switch (this) {
      case Scalar(String text, _) -> "\"" + text + "\"";
      case Scalar(Object value, _) -> value.toString();
      case Table _ -> "a table";
      case Array(List<ConfigNode> items, _) ->
          "[" + String.join(", ", items.stream().map(ConfigNode::shown).toList()) + "]";
    };
  }
}
