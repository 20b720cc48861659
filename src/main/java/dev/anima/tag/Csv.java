package dev.anima.tag;

import java.util.ArrayList;
import java.util.List;

/// Comma-separated rows with quotes, as Python's `csv` reads them.
final class Csv {
  private final String text;
  private final List<List<String>> rows = new ArrayList<>();
  private List<String> row = new ArrayList<>();
  private final StringBuilder cell = new StringBuilder();

  private Csv(String text) {
    this.text = text;
  }

  /// All rows; blank lines give none.
  static List<List<String>> rows(String text) {
    Csv csv = new Csv(text.startsWith("\ufeff") ? text.substring(1) : text);
    csv.read();
    return csv.rows;
  }

  private void read() {
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"') {
        boolean doubled = quoted && i + 1 < text.length() && text.charAt(i + 1) == '"';
        if (doubled) {
          cell.append(c);
          i++;
        } else if (quoted || cell.isEmpty()) {
          quoted = !quoted;
        } else {
          cell.append(c); // a quote in the middle of a plain cell is a letter
        }
      } else if (quoted) {
        cell.append(c);
      } else if (c == ',') {
        endCell();
      } else if (c == '\n') {
        endRow();
      } else if (c != '\r') {
        cell.append(c);
      }
    }
    endRow();
  }

  private void endCell() {
    row.add(cell.toString());
    cell.setLength(0);
  }

  private void endRow() {
    if (row.isEmpty() && cell.isEmpty()) {
      return;
    }
    endCell();
    rows.add(row);
    row = new ArrayList<>();
  }
}
