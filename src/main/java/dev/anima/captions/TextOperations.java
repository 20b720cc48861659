package dev.anima.captions;

import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// Operations on the spelling of tags: replacing text, underscores, case, brackets, weights.
public final class TextOperations {
  private TextOperations() {}

  /// What a replacement looks at.
  public enum Where {
    /// Tags that are the text, or that the regular expression covers.
    WHOLE_TAG,
    /// Every occurrence inside a tag.
    INSIDE_TAGS,
    /// Every occurrence in the caption's line, separators included.
    CAPTION
  }

  /// What to look for.
  ///
  /// @param regex whether `text` is a regular expression
  /// @param dotAll whether its `.` stands for a line break too
  public record Search(String text, boolean regex, boolean ignoreCase, boolean dotAll) {}

  /// Replaces text. A tag that becomes empty goes; one that becomes several is several; one that
  /// becomes another tag of the caption becomes one with it.
  ///
  /// @param by in a regular expression's replacement groups are `$1`, `\1`, `${name}`, `\g<name>`
  /// @throws InputException if there is nothing to look for or the regular expression is not valid
  public static Operation replace(Search search, String by, Where where) {
    if (search.text().isEmpty()) {
      throw new InputException("there is no text to look for");
    }
    UnaryOperator<String> edit = edit(search, by, where);
    String description = "replace \"%s\" by \"%s\"".formatted(search.text(), by);
    if (where == Where.CAPTION) {
      return new CaptionReplacement(description, edit);
    }
    return Operation.onTags(
        "replace",
        description,
        (tags, caption) -> {
          Merging merging = new Merging();
          for (String tag : tags) {
            String changed = edit.apply(tag);
            if (changed.equals(tag)) {
              merging.keep(tag);
            } else {
              caption.separators().tags(changed).forEach(merging::change);
            }
          }
          return merging.tags();
        });
  }

  private static UnaryOperator<String> edit(Search search, String by, Where where) {
    if (!search.regex() && !search.ignoreCase()) {
      return where == Where.WHOLE_TAG
          ? text -> text.equals(search.text()) ? by : text
          : text -> text.replace(search.text(), by);
    }
    BoundedRegex regex =
        search.regex()
            ? BoundedRegex.compile(search.text(), search.ignoreCase(), search.dotAll())
            : BoundedRegex.anyCase(search.text());
    Replacement replacement = search.regex() ? regex.replacement(by) : Replacement.literal(by);
    return where == Where.WHOLE_TAG
        ? text -> regex.replaceWhole(text, replacement)
        : text -> regex.replace(text, replacement);
  }

  /// A replacement in the whole line: it may cross separators.
  private record CaptionReplacement(String description, UnaryOperator<String> edit)
      implements Operation {
    @Override
    public String name() {
      return "replace";
    }

    @Override
    public String apply(Caption caption) {
      String changed = edit.apply(caption.line());
      if (changed.equals(caption.line())) {
        return changed;
      }
      Map<String, Integer> allowed = new HashMap<>();
      caption.tags().forEach(tag -> allowed.merge(tag, 1, Integer::sum));
      List<String> tags = new ArrayList<>();
      for (String tag : caption.separators().tags(changed)) {
        int left = allowed.merge(tag, -1, Integer::sum);
        if (left >= 0 || !tags.contains(tag)) { // repeats that were there stay, new ones merge
          tags.add(tag);
        }
      }
      return caption.separators().join(tags);
    }
  }

  /// `_` to spaces or back. Faces and `score_9` keep what they have, sentences too.
  public static Operation underscores(boolean toSpaces) {
    return onEach(
        "underscores",
        toSpaces ? "underscores to spaces" : "spaces to underscores",
        tag -> toSpaces ? tag.replace('_', ' ') : tag.replace(' ', '_'));
  }

  /// Lower case.
  public static Operation lowerCase() {
    return onEach("case", "lower case", tag -> tag.toLowerCase(Locale.ROOT));
  }

  /// `\(` to `(`, as training takes backslashes literally.
  public static Operation unescape() {
    return onEach(
        "unescape",
        "remove backslashes before brackets",
        tag -> tag.replaceAll("\\\\([()])", "$1"));
  }

  /// `(` to `\(`, for programs that read weights.
  public static Operation escape() {
    return onEach(
        "escape",
        "put backslashes before brackets",
        tag -> tag.replaceAll("(?<!\\\\)([()])", "\\\\$1"));
  }

  /// `(tag:1.3)`, `((tag))` and `[tag]` to `tag`, where the brackets enclose the whole tag.
  public static Operation stripWeights() {
    return onEach("strip-weights", "remove weights", tag -> Weights.inside(tag).orElse(tag));
  }

  private static Operation onEach(String name, String description, UnaryOperator<String> edit) {
    return Operation.onTags(
        name,
        description,
        (tags, _) -> {
          Merging merging = new Merging();
          for (String tag : tags) {
            boolean exempt = Kaomoji.is(tag) || TagCategories.isScore(tag) || Sentences.is(tag);
            String changed = exempt ? tag : edit.apply(tag).strip();
            if (changed.equals(tag)) {
              merging.keep(tag);
            } else {
              merging.change(changed);
            }
          }
          return merging.tags();
        });
  }

  /// Weights as prompts have them, around a whole tag.
  public static final class Weights {
    private Weights() {}

    /// What stands inside the brackets, empty if the tag is not enclosed as a whole.
    public static Optional<String> inside(String tag) {
      String text = tag;
      while (isEnclosed(text)) {
        text = text.substring(1, text.length() - 1).strip();
      }
      if (text.equals(tag) || Kaomoji.is(tag)) {
        return Optional.empty();
      }
      String plain =
          tag.startsWith("(") ? text.replaceFirst("\\s*:\\s*-?\\d*[.,]?\\d+$", "") : text;
      return plain.isBlank() ? Optional.empty() : Optional.of(plain.strip());
    }

    private static boolean isEnclosed(String text) {
      if (text.length() < 3) {
        return false;
      }
      char open = text.charAt(0);
      char close = open == '(' ? ')' : open == '[' ? ']' : 0;
      int depth = 0;
      for (int i = 0; close != 0 && i < text.length(); i++) {
        boolean escaped = i > 0 && text.charAt(i - 1) == '\\';
        depth += escaped ? 0 : text.charAt(i) == open ? 1 : text.charAt(i) == close ? -1 : 0;
        if (depth == 0) {
          return i == text.length() - 1;
        }
      }
      return false;
    }
  }
}
