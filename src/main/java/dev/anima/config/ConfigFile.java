package dev.anima.config;

import dev.anima.config.ConfigText.Format;
import dev.anima.config.Flag.Kind;
import dev.anima.config.FlagValue.Source;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/// `--config_file`: flags in a TOML file. Keys stand at the top or in tables whose names mean
/// nothing; of equal keys the last one counts, and the command line counts more than all.
///
/// Ours: `include = "base.toml"` (or a list of files, meant from the folder of the file that says
/// so) reads those files first, so that every key of the file itself counts more.
final class ConfigFile {
  /// Not written by `--output_config`: the file itself, and secrets.
  private static final Set<String> NOT_WRITTEN =
      Set.of("config_file", "output_config", "wandb_api_key", "huggingface_token");

  private static final String INCLUDE = "include";

  /// They belong on the command line: a file that could ask for itself to be written would make no
  /// sense.
  private static final Set<String> COMMAND_LINE_ONLY = Set.of("config_file", "output_config");

  private final FlagTable table;
  private final Map<String, FlagValue> values = new LinkedHashMap<>();
  private final List<String> warnings = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private final Deque<Path> open = new ArrayDeque<>();

  private ConfigFile(FlagTable table) {
    this.table = table;
  }

  /// Flags with the file's values under what they already hold.
  record Read(Flags flags, List<String> warnings) {}

  /// Path of the flag file: `.toml` is added when missing.
  static Path path(Flags flags, Path workingDir) {
    return named(workingDir, flags.text("config_file", ""));
  }

  private static Path named(Path folder, String name) {
    return folder.resolve(name.endsWith(".toml") ? name : name + ".toml");
  }

  /// Reads the file that `flags` name.
  ///
  /// @throws InputException for syntax errors and values of the wrong type; unknown keys only warn
  static Read read(Flags flags, Path workingDir) {
    Path path = path(flags, workingDir);
    if (!Files.isRegularFile(path)) {
      throw new InputException("--config_file: %s does not exist".formatted(path));
    }
    ConfigFile reader = new ConfigFile(flags.table());
    reader.read(path);
    if (!reader.problems.isEmpty()) {
      throw new InputException(String.join("\n", reader.problems));
    }
    return new Read(flags.under(reader.values), reader.warnings);
  }

  private void read(Path path) {
    open.push(path.toAbsolutePath().normalize());
    String file = path.toString();
    ConfigText.Parsed parsed = ConfigText.parse(ConfigText.read(path), Format.TOML);
    parsed.problems().forEach(problem -> problems.add(problem.in(file)));
    Map<String, ConfigNode> entries = parsed.root().entries();
    ConfigNode included = entries.get(INCLUDE);
    if (included != null) {
      include(included, path);
    }
    entries.forEach((key, node) -> {
      if (node instanceof ConfigNode.Table section) {
        section.entries().forEach((inner, value) -> put(file, inner, value));
      } else if (!key.equals(INCLUDE)) {
        put(file, key, node);
      }
    });
    open.pop();
  }

  private void include(ConfigNode node, Path from) {
    String where = from + ":" + node.line();
    List<ConfigNode> files = node instanceof ConfigNode.Array array ? array.items() : List.of(node);
    for (ConfigNode file : files) {
      if (!(file instanceof ConfigNode.Scalar(String name, _))) {
        problems.add(
            "%s: include: expected a file such as \"base.toml\", or a list of files, got %s"
                .formatted(where, file.shown()));
        continue;
      }
      Path path = named(from.resolveSibling(""), name);
      if (open.contains(path.toAbsolutePath().normalize())) {
        problems.add("%s: include: %s includes itself".formatted(where, path));
      } else if (!Files.isRegularFile(path)) {
        problems.add("%s: include: %s does not exist".formatted(where, path));
      } else {
        read(path);
      }
    }
  }

  private void put(String file, String key, ConfigNode node) {
    String where = file + ":" + node.line();
    Flag flag = table.find(key).orElse(null);
    if (flag == null || COMMAND_LINE_ONLY.contains(key)) {
      warnings.add(
          flag != null
              ? "%s: \"%s\" is ignored: it belongs on the command line".formatted(where, key)
              : "%s: unknown key \"%s\" is ignored%s"
                  .formatted(
                      where,
                      key,
                      table
                          .nearest(key)
                          .map(near -> "\n  -> did you mean \"" + near + "\"?")
                          .orElse("")));
      return;
    }
    switch (value(flag, where + ": " + key, node)) {
      case FlagText.Result.Problem(String message) -> problems.add(message);
      case FlagText.Result.Value(Object value) ->
          values.put(
              key,
              new FlagValue(flag, value, Source.CONFIG_FILE, key, FlagText.write(value), where, 1));
    }
  }

  private static FlagText.Result value(Flag flag, String where, ConfigNode node) {
    if (flag.kind() == Kind.SWITCH) {
      return node instanceof ConfigNode.Scalar(Boolean on, _)
          ? new FlagText.Result.Value(on)
          : new FlagText.Result.Problem(
              "%s: expected true or false, got %s".formatted(where, node.shown()));
    }
    if (flag.kind().isList()) {
      return node instanceof ConfigNode.Array(List<ConfigNode> items, _)
              && items.stream().allMatch(ConfigFile::isPlain)
          ? FlagText.read(flag, where, items.stream().map(ConfigFile::text).toList())
          : new FlagText.Result.Problem(
              "%s: expected a list such as [\"a=1\", \"b=2\"], got %s"
                  .formatted(where, node.shown()));
    }
    if (node instanceof ConfigNode.Array(List<ConfigNode> items, _)
        && flag.kind() == Kind.TEXT
        && items.size() == 2
        && items.stream().allMatch(ConfigFile::isPlain)) {
      // resolution = [832, 1216]: the flag's form is "832,1216".
      return FlagText.read(
          flag,
          where,
          List.of(items.stream().map(ConfigFile::text).collect(Collectors.joining(","))));
    }
    // A number keeps its TOML type: an int stays one for metadata, 5 are steps and 0.05 is a share.
    if (node instanceof ConfigNode.Scalar(Long number, _) && flag.kind() == Kind.FLOAT) {
      return new FlagText.Result.Value(number);
    }
    return isPlain(node)
        ? FlagText.read(flag, where, List.of(text(node)))
        : new FlagText.Result.Problem(
            "%s: expected %s, got %s".formatted(where, flag.kind().word(), node.shown()));
  }

  private static boolean isPlain(ConfigNode node) {
    return node instanceof ConfigNode.Scalar(Object value, _)
        && (value instanceof String || value instanceof Number);
  }

  private static String text(ConfigNode node) {
    return node instanceof ConfigNode.Scalar(Object value, _) ? FlagText.write(value) : "";
  }

  /// Writes every value that is not a default to the flag file.
  ///
  /// @return the new file
  /// @throws InputException when it exists already
  static Path write(Flags flags, Path workingDir) {
    Path path = path(flags, workingDir);
    StringBuilder toml = new StringBuilder();
    for (FlagValue value : flags.set()) {
      Object set = value.value();
      if (set != null
          && !NOT_WRITTEN.contains(value.flag().name())
          && !set.equals(value.flag().defaultValue())) {
        toml.append(value.flag().name()).append(" = ").append(toml(set)).append('\n');
      }
    }
    try {
      Files.writeString(path, toml, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } catch (FileAlreadyExistsException e) {
      throw new InputException(
          "--output_config: %s exists already\n  -> give another name to --config_file"
              .formatted(path),
          e);
    } catch (IOException e) {
      throw new InputException(
          "--output_config: %s cannot be written (%s)".formatted(path, e.getMessage()), e);
    }
    return path;
  }

  private static String toml(Object value) {
    return switch (value) {
      case String text -> quoted(text);
      case List<?> items ->
          items.stream().map(ConfigFile::toml).collect(Collectors.joining(", ", "[", "]"));
      case Boolean on -> on.toString();
      default -> FlagText.write(value).toLowerCase(Locale.ROOT);
    };
  }

  private static String quoted(String text) {
    boolean plain = text.chars().noneMatch(c -> c < ' ' || c == '\'' || c == 127);
    if (plain) {
      return "'" + text + "'";
    }
    StringBuilder out = new StringBuilder("\"");
    text.codePoints()
        .forEach(c -> {
          if (c == '"' || c == '\\') {
            out.append('\\').appendCodePoint(c);
          } else if (c < ' ' || c == 127) {
            out.append("\\u%04x".formatted(c));
          } else {
            out.appendCodePoint(c);
          }
        });
    return out.append('"').toString();
  }
}
