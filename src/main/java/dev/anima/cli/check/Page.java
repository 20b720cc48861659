package dev.anima.cli.check;

import java.util.ArrayList;
import java.util.List;

/// Lines of text no wider than the terminal: labels on the left, what they stand for beside them.
final class Page {
  static final int LABEL_COLUMNS = 14;

  private final int columns;
  private final List<String> lines = new ArrayList<>();

  Page(int columns) {
    this.columns = columns;
  }

  List<String> lines() {
    return List.copyOf(lines);
  }

  /// As it is.
  void line(String line) {
    lines.add(line);
  }

  /// An empty line and a title.
  void heading(String title) {
    lines.add("");
    lines.add(title);
  }

  /// A label with its text, wrapped beside it; an empty label goes on with the one above.
  void fact(String label, String text) {
    wrap(("%-" + LABEL_COLUMNS + "s").formatted(label), " ".repeat(LABEL_COLUMNS), text);
  }

  /// A text, wrapped, behind a dash.
  void item(String text) {
    wrap("- ", "  ", text);
  }

  /// A text, wrapped, two columns in; its further lines stand six columns in.
  void entry(String text) {
    wrap("  ", "      ", text);
  }

  /// A word that is too long for a line stays whole, to be copied.
  private void wrap(String first, String others, String text) {
    StringBuilder line = new StringBuilder(first);
    boolean empty = true;
    for (String word : text.strip().split("\\s+")) {
      if (!empty && line.length() + 1 + word.length() > columns) {
        lines.add(line.toString().stripTrailing());
        line = new StringBuilder(others);
        empty = true;
      }
      line.append(empty ? "" : " ").append(word);
      empty = false;
    }
    lines.add(line.toString().stripTrailing());
  }
}
