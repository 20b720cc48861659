package dev.anima.config;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseError;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlTable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.json.JsonMapper;

/// Reads TOML 1.0 and JSON into nodes that know their line. A byte order mark is dropped.
final class ConfigText {
  private static final Pattern WINDOWS_PATH =
      Pattern.compile("\"([A-Za-z]:\\\\[^\"]*|\\\\\\\\[^\"]*)\"");

  private ConfigText() {}

  enum Format {
    TOML,
    JSON
  }

  /// The table of a file, as far as it could be read, and what is wrong with its syntax.
  record Parsed(ConfigNode.Table root, List<ConfigProblem> problems) {}

  /// Text of a file in UTF-8, or an [InputException] that says why not.
  static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (MalformedInputException _) {
      throw InputException.inFile(file, "is not UTF-8 text\n  -> save it as UTF-8");
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  static Parsed parse(String text, Format format) {
    String clean = text.startsWith("\uFEFF") ? text.substring(1) : text;
    return switch (format) {
      case TOML -> toml(clean);
      case JSON -> json(clean);
    };
  }

  private static Parsed toml(String text) {
    TomlParseResult result = Toml.parse(text);
    List<String> lines = text.lines().toList();
    List<ConfigProblem> problems =
        result.errors().stream().map(error -> syntax(error, lines)).toList();
    return new Parsed(table(result, 0), problems);
  }

  private static ConfigProblem syntax(TomlParseError error, List<String> lines) {
    int line = error.position().line();
    String source = line <= lines.size() ? lines.get(line - 1) : "";
    String message = Objects.requireNonNullElse(error.getMessage(), "cannot be read");
    return problem(line, error.position().column(), message + hint(message, source));
  }

  private static ConfigProblem problem(int line, int column, String message) {
    return new ConfigProblem(
        ConfigProblem.Kind.SYNTAX, List.of(), line, "column " + column + ": " + message);
  }

  private static String hint(String message, String source) {
    Matcher path = WINDOWS_PATH.matcher(source);
    if (message.contains("escape") && path.find()) {
      return "\n  -> in double quotes a backslash starts an escape; use single quotes: '"
          + path.group(1)
          + "'";
    }
    if (source.matches(".*=\\s*(True|False)\\b.*")) {
      return "\n  -> write true or false in lower case";
    }
    if (source.matches(".*[\u201c\u201d\u2018\u2019].*")) {
      return "\n  -> use straight quotes (\" or '), not curly ones";
    }
    if (source.matches(".*=\\s*\\.\\d.*")) {
      return "\n  -> write a digit before the point: 0.1";
    }
    if (source.matches("\\s*[\\w.-]+\\s*=\\s*([A-Za-z]:[\\\\/]|[\\\\/~]).*")) {
      return "\n  -> put the path in single quotes";
    }
    return "";
  }

  private static ConfigNode.Table table(TomlTable table, int line) {
    Map<String, ConfigNode> entries = new LinkedHashMap<>();
    for (String key : table.keySet()) {
      List<String> path = List.of(key);
      int keyLine = Objects.requireNonNull(table.inputPositionOf(path)).line();
      entries.put(key, node(Objects.requireNonNull(table.get(path)), keyLine));
    }
    return new ConfigNode.Table(entries, line);
  }

  private static ConfigNode node(Object value, int line) {
    return switch (value) {
      case TomlTable table -> table(table, line);
      case TomlArray array -> {
        List<ConfigNode> items = new ArrayList<>();
        for (int i = 0; i < array.size(); i++) {
          items.add(node(array.get(i), Objects.requireNonNull(array.inputPositionOf(i)).line()));
        }
        yield new ConfigNode.Array(items, line);
      }
      default -> new ConfigNode.Scalar(value, line);
    };
  }

  private static Parsed json(String text) {
    List<ConfigProblem> problems = new ArrayList<>();
    try (JsonParser parser = JsonMapper.shared().createParser(text)) {
      parser.nextToken();
      ConfigNode root = json(parser, problems);
      if (parser.nextToken() != null) {
        problems.add(problem(line(parser), 1, "there is more text after the end of the object"));
      }
      if (root instanceof ConfigNode.Table table) {
        return new Parsed(table, problems);
      }
      problems.add(problem(1, 1, "the file must hold one JSON object"));
    } catch (JacksonException e) {
      var place = e.getLocation();
      problems.add(
          problem(
              place == null ? 0 : place.getLineNr(),
              place == null ? 0 : place.getColumnNr(),
              e.getOriginalMessage()));
    }
    return new Parsed(new ConfigNode.Table(Map.of(), 0), problems);
  }

  private static int line(JsonParser parser) {
    return parser.currentTokenLocation().getLineNr();
  }

  private static ConfigNode json(JsonParser parser, List<ConfigProblem> problems) {
    int line = line(parser);
    JsonToken token = parser.currentToken();
    if (token == null) {
      return new ConfigNode.Scalar("", line);
    }
    return switch (token) {
      case START_OBJECT -> jsonTable(parser, line, problems);
      case START_ARRAY -> {
        List<ConfigNode> items = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          items.add(json(parser, problems));
        }
        yield new ConfigNode.Array(items, line);
      }
      case VALUE_NUMBER_INT -> new ConfigNode.Scalar(parser.getLongValue(), line);
      case VALUE_NUMBER_FLOAT -> new ConfigNode.Scalar(parser.getDoubleValue(), line);
      case VALUE_TRUE -> new ConfigNode.Scalar(true, line);
      case VALUE_FALSE -> new ConfigNode.Scalar(false, line);
      case VALUE_NULL -> new ConfigNode.Scalar(ConfigNode.Null.NULL, line);
      default -> new ConfigNode.Scalar(parser.getString(), line);
    };
  }

  private static ConfigNode jsonTable(JsonParser parser, int line, List<ConfigProblem> problems) {
    Map<String, ConfigNode> entries = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      int keyLine = line(parser);
      parser.nextToken();
      ConfigNode earlier = entries.put(key, json(parser, problems));
      if (earlier != null) {
        problems.add(
            problem(keyLine, 1, "%s previously defined at line %d".formatted(key, earlier.line())));
      }
    }
    return new ConfigNode.Table(entries, line);
  }
}
