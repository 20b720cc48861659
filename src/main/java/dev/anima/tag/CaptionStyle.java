package dev.anima.tag;

import dev.anima.dataset.CaptionFile;
import dev.anima.dataset.PythonStrings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// How captions are written.
///
/// @param extension of caption files, appended to the picture's path without its own
/// @param separator between tags
/// @param newline whether a new caption ends with one
/// @param exact whether `--append_tags` treats all lines as one, as sd-scripts does
public record CaptionStyle(
    String extension, String separator, boolean newline, Mode mode, boolean exact) {

  /// What happens to captions that are there.
  public enum Mode {
    REPLACE,
    /// Their tags stay, new ones come behind.
    APPEND,
    /// Nothing.
    ONLY_UNCAPTIONED
  }

  /// The caption file of a picture.
  Path fileOf(Path image) {
    return Path.of(CaptionFile.stem(image.toString()) + extension);
  }

  /// The tags of a caption: those of its first line, which is what a training reads.
  List<String> tagsOf(String caption) {
    String text = caption.startsWith("\ufeff") ? caption.substring(1) : caption;
    return tags(exact ? text : firstLine(text));
  }

  private List<String> tags(String line) {
    List<String> tags = new ArrayList<>();
    for (String part : PythonStrings.split(line, PythonStrings.strip(separator))) {
      String tag = PythonStrings.strip(part);
      if (!tag.isEmpty()) {
        tags.add(tag);
      }
    }
    return tags;
  }

  /// The caption as JSON files hold it: without a newline at its end.
  String text(Optional<String> before, List<String> tags) {
    if (before.isEmpty() || mode != Mode.APPEND) {
      return String.join(separator, tags);
    }
    List<String> all = new ArrayList<>(tagsOf(before.get()));
    tags.stream().filter(tag -> !all.contains(tag)).toList().forEach(all::add);
    return String.join(separator, all);
  }

  /// The whole new caption file. Never nothing at all: an empty caption file ends a training.
  ///
  /// @param before what is in the file now; empty if there is none
  String content(Optional<String> before, List<String> tags) {
    String line = text(before, tags);
    if (before.isEmpty() || mode != Mode.APPEND || exact) {
      return newline || line.isEmpty() ? line + "\n" : line;
    }
    String old = before.get();
    String lineEnd = old.contains("\r\n") ? "\r\n" : "\n";
    String further = further(old);
    boolean ends = newline || old.endsWith("\n") || (line.isEmpty() && further.isEmpty());
    return line + (further.isEmpty() ? "" : lineEnd + further) + (ends ? lineEnd : "");
  }

  private static String firstLine(String text) {
    return withoutNewlines(text).lines().findFirst().orElse("");
  }

  /// All lines but the first, as they are.
  private static String further(String text) {
    String inner = withoutNewlines(text);
    int end = inner.indexOf('\n');
    return end < 0 ? "" : inner.substring(end + 1);
  }

  private static String withoutNewlines(String text) {
    int start = 0;
    int end = text.length();
    while (start < end && isNewline(text.charAt(start))) {
      start++;
    }
    while (end > start && isNewline(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }

  private static boolean isNewline(char c) {
    return c == '\n' || c == '\r';
  }
}
