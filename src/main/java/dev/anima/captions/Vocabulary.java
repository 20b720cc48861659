package dev.anima.captions;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A list of known tags from a file of the user, names with spaces. May be empty.
///
/// Three forms are understood: `name,category,count,"alias,alias"` without a header (categories of
/// danbooru), the `selected_tags.csv` of a WD tagger (`tag_id,name,category,count`), and plain
/// lines.
public final class Vocabulary {
  /// Known of a tag.
  ///
  /// @param count images that have it where the list was made, 0 if the file does not say
  public record Entry(TagCategory category, long count) {}

  private final Map<String, Entry> entries = new HashMap<>();
  private final Map<String, String> aliases = new HashMap<>();

  private Vocabulary() {}

  public static Vocabulary empty() {
    return new Vocabulary();
  }

  /// @throws InputException if the file cannot be read
  public static Vocabulary read(Path file) {
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (MalformedInputException e) {
      throw new InputException(file + ": is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
    Vocabulary vocabulary = new Vocabulary();
    boolean tagger = !lines.isEmpty() && lines.getFirst().startsWith("tag_id,");
    for (String line : tagger ? lines.subList(1, lines.size()) : lines) {
      if (!line.isBlank()) {
        List<String> fields = fields(line.startsWith("\ufeff") ? line.substring(1) : line);
        vocabulary.add(tagger ? fields.subList(Math.min(1, fields.size()), fields.size()) : fields);
      }
    }
    return vocabulary;
  }

  private void add(List<String> fields) {
    if (fields.isEmpty()) {
      return;
    }
    String name = spaced(fields.getFirst());
    String category = fields.size() > 1 ? fields.get(1) : "0";
    long count =
        fields.size() > 2 && fields.get(2).matches("\\d{1,15}") ? Long.parseLong(fields.get(2)) : 0;
    entries.put(name, new Entry(categoryOf(category), count));
    if (fields.size() > 3) {
      for (String alias : fields.get(3).split(",")) {
        if (!alias.isBlank()) {
          aliases.put(spaced(alias.strip()), name);
        }
      }
    }
  }

  private static TagCategory categoryOf(String number) {
    return switch (number.strip()) {
      case "1" -> TagCategory.ARTIST;
      case "3" -> TagCategory.SERIES;
      case "4" -> TagCategory.CHARACTER;
      case "5" -> TagCategory.META;
      case "9" -> TagCategory.RATING;
      default -> TagCategory.GENERAL;
    };
  }

  private static String spaced(String name) {
    return Kaomoji.is(name) ? name : name.replace('_', ' ');
  }

  /// The fields of a line of CSV.
  static List<String> fields(String line) {
    List<String> fields = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    for (int at = 0; at < line.length(); at++) {
      char c = line.charAt(at);
      if (c == '"') {
        boolean doubled = quoted && at + 1 < line.length() && line.charAt(at + 1) == '"';
        if (doubled) {
          field.append('"');
          at++;
        } else {
          quoted = !quoted;
        }
      } else if (c == ',' && !quoted) {
        fields.add(field.toString());
        field.setLength(0);
      } else {
        field.append(c);
      }
    }
    fields.add(field.toString());
    return fields;
  }

  public boolean isEmpty() {
    return entries.isEmpty();
  }

  public Optional<Entry> find(String tag) {
    return Optional.ofNullable(entries.get(tag));
  }

  TagCategory category(String tag) {
    @Nullable Entry entry = entries.get(tag);
    return entry == null ? TagCategory.GENERAL : entry.category();
  }

  /// The tag that an old or other name stands for.
  public Optional<String> canonical(String tag) {
    return entries.containsKey(tag) ? Optional.empty() : Optional.ofNullable(aliases.get(tag));
  }

  public List<String> names() {
    return List.copyOf(entries.keySet());
  }
}
