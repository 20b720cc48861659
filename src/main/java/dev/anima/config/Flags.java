package dev.anima.config;

import dev.anima.config.Flag.Kind;
import dev.anima.config.FlagValue.Source;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The flags of one run: a value for every row of the table, read by name (without dashes).
///
/// Asking for a name that is not in the table, or for the wrong kind, is a mistake in the program:
/// `IllegalArgumentException`.
public final class Flags {
  /// What [#words] leaves out.
  private static final Set<String> NOT_REPEATED =
      Set.of(
          "config_file", "output_config", "preset", "like", "wandb_api_key", "huggingface_token");

  private final FlagTable table;
  private final Map<String, FlagValue> values;
  private final boolean helpWanted;
  private final Consumer<String> readers;

  Flags(FlagTable table, Map<String, FlagValue> given, boolean helpWanted) {
    this(table, given, helpWanted, _ -> {});
  }

  private Flags(
      FlagTable table, Map<String, FlagValue> given, boolean helpWanted, Consumer<String> readers) {
    this.table = table;
    this.values = Map.copyOf(given);
    this.helpWanted = helpWanted;
    this.readers = readers;
  }

  /// Every flag at its default.
  public static Flags defaults() {
    return new Flags(FlagTable.train(), Map.of(), false);
  }

  /// These flags, telling `readers` the name of each one whose value is read: for the test that
  /// none is taken and forgotten. Asking where a value comes from or whether it is set is not
  /// reading it.
  public Flags watchedBy(Consumer<String> readers) {
    return new Flags(table, values, helpWanted, readers);
  }

  public FlagTable table() {
    return table;
  }

  /// True when `-h` or `--help` was among the words.
  public boolean helpWanted() {
    return helpWanted;
  }

  /// Value and origin of one flag.
  public FlagValue value(String name) {
    FlagValue value = values.get(name);
    return value != null ? value : FlagValue.ofDefault(table.get(name));
  }

  /// These flags as if `names` had not been given.
  public Flags without(Set<String> names) {
    Map<String, FlagValue> left = new LinkedHashMap<>(values);
    left.keySet().removeAll(names);
    return new Flags(table, left, helpWanted, readers);
  }

  /// Every value that is not a default, in table order.
  public List<FlagValue> set() {
    return table.all().stream()
        .map(flag -> value(flag.name()))
        .filter(value -> value.source() != Source.DEFAULT)
        .toList();
  }

  /// True when the user wrote the flag, on the command line or in a flag file.
  public boolean given(String name) {
    return value(name).given();
  }

  public Source source(String name) {
    return value(name).source();
  }

  /// A text or path; empty when not set. An empty text counts as set.
  public Optional<String> text(String name) {
    return Optional.ofNullable((String) raw(name, Kind.TEXT, Kind.PATH));
  }

  /// A text; `fallback` when not set or empty.
  public String text(String name, String fallback) {
    return text(name).filter(text -> !text.isEmpty()).orElse(fallback);
  }

  /// A text read as a path; empty when not set or empty.
  public Optional<Path> path(String name) {
    return text(name).filter(text -> !text.isEmpty()).map(Path::of);
  }

  /// A switch.
  public boolean on(String name) {
    return Boolean.TRUE.equals(raw(name, Kind.SWITCH));
  }

  /// An int that always has a value.
  public int integer(String name) {
    return maybeInteger(name)
        .orElseThrow(() -> new IllegalArgumentException("--" + name + " has no default"));
  }

  /// An int; empty when not set.
  public OptionalInt maybeInteger(String name) {
    OptionalLong value = maybeLong(name);
    return value.isPresent()
        ? OptionalInt.of(Math.toIntExact(value.getAsLong()))
        : OptionalInt.empty();
  }

  /// An int of up to 64 bits (`--seed`); empty when not set.
  public OptionalLong maybeLong(String name) {
    return raw(name, Kind.INT) instanceof Long value
        ? OptionalLong.of(value)
        : OptionalLong.empty();
  }

  /// A float that always has a value.
  public double number(String name) {
    return maybeNumber(name)
        .orElseThrow(() -> new IllegalArgumentException("--" + name + " has no default"));
  }

  /// A float; empty when not set.
  public OptionalDouble maybeNumber(String name) {
    return raw(name, Kind.FLOAT) instanceof Number value
        ? OptionalDouble.of(value.doubleValue())
        : OptionalDouble.empty();
  }

  /// `--lr_warmup_steps` or `--lr_decay_steps`.
  public IntOrRatio intOrRatio(String name) {
    Object value = raw(name, Kind.INT_OR_RATIO);
    return value instanceof Long steps
        ? new IntOrRatio.Steps(Math.toIntExact(steps))
        : value instanceof IntOrRatio given ? given : new IntOrRatio.Steps(0);
  }

  /// Words of a list flag; empty list when not set (ask [#isSet] where the difference matters).
  public List<String> texts(String name) {
    return listOf(String.class, raw(name, Kind.TEXT_LIST));
  }

  /// Numbers of a list flag; empty list when not set.
  public List<Double> numbers(String name) {
    return listOf(Double.class, raw(name, Kind.FLOAT_LIST));
  }

  /// True when the flag has a value other than Python's `None` (a default counts).
  public boolean isSet(String name) {
    return value(name).value() != null;
  }

  /// Python's `str(value)`, as the reference writes flags into metadata: `None`, `True`, `1e-05`,
  /// `['a=1']`; an int default stays an int (`1` for the default of `--network_alpha`, `1.0`
  /// typed).
  public String pythonText(String name) {
    return FlagText.write(value(name).value());
  }

  /// The set flags as words of a command that gives the same ones: without the flag file, the
  /// preset or the recipe they come from, and without secrets, which change nothing here.
  public List<String> words() {
    List<String> words = new ArrayList<>();
    for (FlagValue value : set()) {
      String name = value.flag().name();
      if (NOT_REPEATED.contains(name)) {
        continue;
      }
      switch (value.value()) {
        case null -> {}
        case Boolean on -> {
          if (on) {
            words.add("--" + name);
          }
        }
        case List<?> list -> {
          words.add("--" + name);
          list.forEach(word -> words.add(FlagText.write(word)));
        }
        case Object one -> words.add("--" + name + "=" + FlagText.write(one));
      }
    }
    return words;
  }

  /// These flags with `more` filled in wherever nothing stronger is set.
  Flags under(Map<String, FlagValue> more) {
    Map<String, FlagValue> merged = new LinkedHashMap<>(more);
    values.forEach((name, value) ->
        merged.merge(
            name,
            value,
            (weak, strong) -> weak.source().compareTo(strong.source()) > 0 ? weak : strong));
    return new Flags(table, merged, helpWanted, readers);
  }

  /// The value whatever its kind, as [FlagValue#value] has it; null when not set.
  @Nullable Object any(String name) {
    readers.accept(name);
    return value(name).value();
  }

  private @Nullable Object raw(String name, Kind... kinds) {
    Kind kind = value(name).flag().kind();
    if (!List.of(kinds).contains(kind)) {
      throw new IllegalArgumentException("--" + name + " is " + kind);
    }
    return any(name);
  }

  private static <T> List<T> listOf(Class<T> type, @Nullable Object value) {
    return value instanceof List<?> list ? list.stream().map(type::cast).toList() : List.of();
  }
}
