package dev.anima.config;

import dev.anima.config.Flag.Kind;
import dev.anima.config.Flag.Origin;
import dev.anima.config.Flag.Status;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Every flag of `anima train`, in the order of `flags.md`: the one source for parsing, help and
/// the check report. `anima tag` has a table of its own, `tag-flags.md`.
public final class FlagTable {
  private static final FlagTable TRAIN = load("flags.md");

  private final Map<String, Flag> flags = new LinkedHashMap<>();

  private FlagTable() {}

  /// The table of the training command.
  public static FlagTable train() {
    return TRAIN;
  }

  /// The table of the tagging command.
  public static FlagTable tag() {
    return Tag.TABLE;
  }

  /// Read when it is asked for: a training has no use for it.
  private static final class Tag {
    static final FlagTable TABLE = load("tag-flags.md");
  }

  public List<Flag> all() {
    return List.copyOf(flags.values());
  }

  /// The flag of this exact name (no dashes).
  public Optional<Flag> find(String name) {
    return Optional.ofNullable(flags.get(name));
  }

  /// The flag of this exact name.
  ///
  /// @throws IllegalArgumentException when there is none: a mistake in the program, not in the
  ///   input
  public Flag get(String name) {
    return find(name).orElseThrow(() -> new IllegalArgumentException("no flag --" + name));
  }

  /// Flags a typed name can mean: the exact one, or every flag that begins with it among the oldest
  /// origin that has any (argparse's rule of unique prefixes, kept stable against newer flags).
  public List<Flag> matching(String typed) {
    Flag exact = flags.get(typed);
    if (exact != null) {
      return List.of(exact);
    }
    for (Origin origin : Origin.values()) {
      List<Flag> found =
          flags.values().stream()
              .filter(flag -> flag.origin() == origin && flag.name().startsWith(typed))
              .toList();
      if (!found.isEmpty()) {
        return found;
      }
    }
    return List.of();
  }

  /// The name most like a misspelt one, without dashes.
  public Optional<String> nearest(String typed) {
    return NearestName.of(typed, flags.keySet());
  }

  private static FlagTable load(String resource) {
    FlagTable table = new FlagTable();
    String section = "";
    Origin origin = Origin.REFERENCE;
    for (String line : resourceLines(resource)) {
      if (line.startsWith("## ")) {
        section = line.substring(3).strip();
        origin = originOf(section);
      } else if (line.startsWith("| `--")) {
        Flag flag = row(line, section, origin);
        if (table.flags.put(flag.name(), flag) != null) {
          throw new IllegalStateException("flag listed twice: " + flag.name());
        }
      }
    }
    return table;
  }

  private static List<String> resourceLines(String resource) {
    try (InputStream in =
        Objects.requireNonNull(FlagTable.class.getResourceAsStream(resource), resource)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Origin originOf(String section) {
    return switch (section) {
      case "Added by later versions of the reference" -> Origin.NEWER_REFERENCE;
      case "This program" -> Origin.OURS;
      default -> Origin.REFERENCE;
    };
  }

  private static Flag row(String line, String section, Origin origin) {
    String[] cells = line.substring(1).split("\\|", -1);
    Kind kind =
        Arrays.stream(Kind.values())
            .filter(k -> k.word().equals(cells[1].strip()))
            .findFirst()
            .orElseThrow(() -> new IllegalStateException(line));
    String choices = cells[3].strip();
    return new Flag(
        code(cells[0]).substring(2),
        kind,
        choices.isEmpty() ? List.of() : List.of(choices.split(" ")),
        defaultValue(kind, code(cells[2])),
        section,
        origin,
        Status.valueOf(cells[4].strip().toUpperCase(Locale.ROOT).replace(' ', '_')),
        cells[5].strip(),
        cells[6].strip());
  }

  private static String code(String cell) {
    String text = cell.strip();
    return text.substring(1, text.length() - 1);
  }

  private static @Nullable Object defaultValue(Kind kind, String literal) {
    if (literal.equals("None")) {
      return null;
    }
    return switch (kind) {
      case SWITCH -> false;
      case TEXT, PATH -> literal.equals("\"\"") ? "" : literal;
      case INT, FLOAT, INT_OR_RATIO ->
          PythonNumber.parseInt(literal)
              .<Object>map(n -> n)
              .orElseGet(() -> PythonNumber.parseFloat(literal).orElseThrow());
      case TEXT_LIST, FLOAT_LIST -> throw new IllegalStateException("list default: " + literal);
    };
  }
}
