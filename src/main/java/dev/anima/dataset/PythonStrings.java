package dev.anima.dataset;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PrimitiveIterator;

/// Text rules of Python that differ from Java's: white space, splitting, order of strings.
public final class PythonStrings {
  /// By Unicode code point, as Python compares strings ([String#compareTo] goes by UTF-16 unit).
  public static final Comparator<String> CODE_POINT_ORDER = PythonStrings::compare;

  private PythonStrings() {}

  /// `str.strip()`. Unlike [String#strip] it removes U+0085, U+00A0, U+2007 and U+202F too.
  public static String strip(String text) {
    int start = 0;
    int end = text.length();
    while (start < end && isSpace(text.charAt(start))) {
      start++;
    }
    while (end > start && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }

  private static boolean isSpace(char c) {
    return (c >= '\t' && c <= '\r')
        || (c >= 0x1c && c <= 0x20)
        || c == 0x85
        || c == 0xa0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  /// `str.split(separator)`: a literal separator, empty parts kept.
  ///
  /// @param separator not empty
  public static List<String> split(String text, String separator) {
    List<String> parts = new ArrayList<>();
    int start = 0;
    for (int at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, start)) {
      parts.add(text.substring(start, at));
      start = at + separator.length();
    }
    parts.add(text.substring(start));
    return parts;
  }

  private static int compare(String left, String right) {
    PrimitiveIterator.OfInt a = left.codePoints().iterator();
    PrimitiveIterator.OfInt b = right.codePoints().iterator();
    while (a.hasNext() && b.hasNext()) {
      int order = Integer.compare(a.nextInt(), b.nextInt());
      if (order != 0) {
        return order;
      }
    }
    return Boolean.compare(a.hasNext(), b.hasNext());
  }
}
