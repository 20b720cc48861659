package dev.anima.runs.script;

import java.util.List;
import java.util.stream.Collectors;

/// A value of a PowerShell script.
sealed interface PsValue {
  record Text(String text) implements PsValue {}

  record Numeric(double number) implements PsValue {}

  record Flag(boolean on) implements PsValue {}

  record Items(List<PsValue> items) implements PsValue {
    public Items {
      items = List.copyOf(items);
    }
  }

  record Nothing() implements PsValue {}

  static PsValue nothing() {
    return new Nothing();
  }

  /// As text inside a string; items are joined by blanks.
  default String shown() {
    return switch (this) {
      case Text(String text) -> text;
      case Numeric(double number) ->
          number == Math.rint(number) && Math.abs(number) < 1e15
              ? Long.toString((long) number)
              : Double.toString(number);
      case Flag(boolean on) -> on ? "True" : "False";
      case Items(List<PsValue> items) ->
          items.stream().map(PsValue::shown).collect(Collectors.joining(" "));
      case Nothing() -> "";
    };
  }

  /// Whether an `if` takes it for true.
  default boolean holds() {
    return switch (this) {
      case Text(String text) -> !text.isEmpty();
      case Numeric(double number) -> number != 0;
      case Flag(boolean on) -> on;
      case Items(List<PsValue> items) ->
          items.size() == 1 ? items.getFirst().holds() : !items.isEmpty();
      case Nothing() -> false;
    };
  }

  /// Each item, or the value itself.
  default List<PsValue> each() {
    return switch (this) {
      case Items(List<PsValue> items) -> items;
      case Nothing() -> List.of();
      case Text _, Numeric _, Flag _ -> List.of(this);
    };
  }
}
