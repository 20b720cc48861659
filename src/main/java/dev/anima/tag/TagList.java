package dev.anima.tag;

import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// What the outputs of a tagger mean: output `i` is the probability of label `i`.
///
/// @param file it was read from, for messages
public record TagList(Path file, List<Label> labels) {
  private static final List<String> COLUMNS = List.of("tag_id", "name", "category");

  /// One output.
  ///
  /// @param name as the file spells it; empty if no tag belongs to this output
  public record Label(String name, TagCategory category) {}

  public TagList {
    labels = List.copyOf(labels);
  }

  public int size() {
    return labels.size();
  }

  /// Reads `selected_tags.csv` (columns `tag_id,name,category` and more) or `tag_mapping.json`
  /// (`{"0": {"tag": ..., "category": "General"}, ...}`), told apart by the file's name.
  ///
  /// @throws InputException with place, found and expected, if it is neither
  public static TagList read(Path file) {
    String text = text(file);
    return String.valueOf(file.getFileName()).endsWith(".json")
        ? mapping(file, text)
        : csv(file, text);
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new InputException(file + ": is not UTF-8, so it is not a list of tags", e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static TagList csv(Path file, String text) {
    List<List<String>> rows = Csv.rows(text);
    List<String> header = rows.isEmpty() ? List.of() : rows.getFirst();
    if (header.size() < COLUMNS.size() || !header.subList(0, COLUMNS.size()).equals(COLUMNS)) {
      throw InputException.inFile(
          file,
          "line 1: the columns are \"%s\", expected \"tag_id,name,category,count\""
              .formatted(shortened(String.join(",", header))));
    }
    List<Label> labels = new ArrayList<>();
    for (int i = 1; i < rows.size(); i++) {
      List<String> row = rows.get(i);
      String number = row.size() < COLUMNS.size() ? "" : row.get(2);
      Optional<TagCategory> category = TagCategory.ofNumber(number);
      if (category.isEmpty()) {
        throw InputException.inFile(
            file,
            "row %d, \"%s\": expected an id, a name and a category (0 general, 4 character, 9 rating)"
                .formatted(i + 1, shortened(String.join(",", row))));
      }
      labels.add(new Label(row.get(1), category.get()));
    }
    return new TagList(file, labels);
  }

  private static TagList mapping(Path file, String text) {
    JsonNode root;
    try {
      root = JsonMapper.shared().readTree(text);
    } catch (JacksonException e) {
      throw new InputException(
          "%s: is not JSON (line %d)".formatted(file, e.getLocation().getLineNr()), e);
    }
    int size = 0;
    for (var entry : root.properties()) {
      size = Math.max(size, index(file, entry.getKey(), root.size()) + 1);
    }
    List<Label> labels = new ArrayList<>(size);
    for (int i = 0; i < size; i++) {
      JsonNode entry = root.get(String.valueOf(i));
      labels.add(entry == null ? new Label("", TagCategory.GENERAL) : label(file, i, entry));
    }
    return new TagList(file, labels);
  }

  private static int index(Path file, String key, int entries) {
    // Ten times the entries: room for gaps, none for a number that would fill the memory.
    if (key.matches("\\d{1,8}") && Integer.parseInt(key) <= 10L * entries) {
      return Integer.parseInt(key);
    }
    throw InputException.inFile(
        file, "the key \"%s\" is not the number of an output".formatted(shortened(key)));
  }

  private static Label label(Path file, int index, JsonNode entry) {
    String category = entry.path("category").asString("");
    JsonNode tag = entry.path("tag");
    Optional<TagCategory> known = TagCategory.ofName(category);
    if (!tag.isString() || known.isEmpty()) {
      List<String> names = List.of("General", "Character", "Copyright", "Meta", "Model", "Rating");
      throw InputException.inFile(
          file,
          "entry \"%d\": expected a \"tag\" and a \"category\" such as General or Character, found the category \"%s\"%s"
              .formatted(index, shortened(category), NearestName.hint(category, names)));
    }
    return new Label(tag.stringValue(), known.get());
  }

  private static String shortened(String text) {
    String line = text.lines().findFirst().orElse("");
    return line.length() > 80 ? line.substring(0, 80) + "..." : line;
  }
}
