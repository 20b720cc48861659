package dev.anima.tag;

import java.util.ArrayList;
import java.util.List;

/// Lists in one flag, where a backslash keeps a separator that belongs to a tag.
final class Escapes {
  private Escapes() {}

  /// The parts between the separators that no backslash stands before; the backslashes stay.
  static List<String> split(String text, char separator) {
    List<String> parts = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) == separator && (i == 0 || text.charAt(i - 1) != '\\')) {
        parts.add(text.substring(start, i));
        start = i + 1;
      }
    }
    parts.add(text.substring(start));
    return parts;
  }

  static String unescaped(String text) {
    return text.replace("\\,", ",").replace("\\;", ";");
  }
}
