package dev.anima.sample;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlTable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.databind.json.JsonMapper;

/// Prompt files in TOML and JSON. Both keep the line of every value for the messages.
final class PromptTables {
  private static final String TABLE = "prompt";
  private static final String ENTRIES = "subset";
  private static final String EXPECTED_TOML =
      "expected a table [prompt] and, for each picture, a table [[prompt.subset]]";
  private static final String EXPECTED_JSON =
      "expected an array of objects such as {\"prompt\": \"1girl\"}, or of texts";

  private PromptTables() {}

  static List<PromptFields> toml(String text, PromptFindings findings) {
    TomlParseResult root = Toml.parse(text);
    root.errors()
        .forEach(error ->
            findings.problem(
                error.position().line(),
                Objects.requireNonNullElse(error.getMessage(), "cannot be read")));
    if (root.hasErrors()) {
      return List.of();
    }
    if (!(root.get(List.of(TABLE)) instanceof TomlTable table)
        || !(table.get(List.of(ENTRIES)) instanceof TomlArray subsets)) {
      findings.problem(0, EXPECTED_TOML);
      return List.of();
    }
    PromptFields common = new PromptFields(findings);
    putAll(common, table);
    List<PromptFields> entries = new ArrayList<>();
    for (int i = 0; i < subsets.size(); i++) {
      if (subsets.get(i) instanceof TomlTable subset) {
        PromptFields entry = common.copy();
        putAll(entry, subset);
        entries.add(entry);
      } else {
        findings.problem(Objects.requireNonNull(subsets.inputPositionOf(i)).line(), EXPECTED_TOML);
      }
    }
    return entries;
  }

  private static void putAll(PromptFields fields, TomlTable table) {
    for (String key : table.keySet()) {
      if (!key.equals(ENTRIES)) {
        List<String> path = List.of(key);
        int line = Objects.requireNonNull(table.inputPositionOf(path)).line();
        fields.put(key, table.get(path), line);
      }
    }
  }

  static List<PromptFields> json(String text, PromptFindings findings) {
    List<PromptFields> entries = new ArrayList<>();
    try (JsonParser parser = JsonMapper.shared().createParser(text)) {
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        findings.problem(1, EXPECTED_JSON);
        return entries;
      }
      for (JsonToken token = parser.nextToken();
          token != JsonToken.END_ARRAY;
          token = parser.nextToken()) {
        int line = line(parser.currentTokenLocation());
        PromptFields entry = new PromptFields(findings);
        if (token == JsonToken.START_OBJECT) {
          entries.add(object(parser, entry));
        } else if (token == JsonToken.VALUE_STRING) {
          entries.add(entry.line(parser.getString(), line));
        } else {
          findings.problem(line, EXPECTED_JSON);
          parser.skipChildren();
        }
      }
      if (parser.nextToken() != null) {
        findings.problem(line(parser.currentTokenLocation()), "there is more text after the array");
      }
    } catch (JacksonException e) {
      findings.problem(line(e.getLocation()), e.getOriginalMessage());
    }
    return entries;
  }

  // From behind the opening brace to the closing one.
  private static PromptFields object(JsonParser parser, PromptFields entry) {
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      int line = line(parser.currentTokenLocation());
      String key = parser.currentName();
      entry.put(key, value(parser), line);
    }
    return entry;
  }

  private static @Nullable Object value(JsonParser parser) {
    return switch (parser.nextToken()) {
      case VALUE_NULL -> null;
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getNumberValue();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case START_ARRAY, START_OBJECT -> {
        parser.skipChildren();
        yield List.of();
      }
      default -> parser.getString();
    };
  }

  private static int line(@Nullable TokenStreamLocation location) {
    return location == null ? 0 : location.getLineNr();
  }
}
