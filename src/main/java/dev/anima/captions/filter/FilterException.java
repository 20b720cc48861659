package dev.anima.captions.filter;

/// A filter that cannot be understood: what is wrong and where.
public final class FilterException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int column;

  /// @param column counted from 1
  FilterException(int column, String message) {
    super(message);
    this.column = column;
  }

  public int column() {
    return column;
  }

  /// The message with the text and a mark under the place.
  public String shownUnder(String filter) {
    int before = Math.max(0, Math.min(column - 1, filter.length()));
    return "column %d: %s\n  %s\n  %s^"
        .formatted(
            column,
            getMessage(),
            filter.replaceAll("\\s", " "),
            " ".repeat(filter.codePointCount(0, before)));
  }
}
