package dev.anima.sample;

import dev.anima.io.Pixels;
import java.util.List;

/// Horizontal bars with a label on each side.
public final class BarChart {
  private static final int MARGIN = 12;
  private static final int BAR = 400;
  private static final int BACKGROUND = 0xFFFFFF;
  private static final int TEXT = 0x303030;
  private static final int COLOUR = 0x4878A8;

  /// @param share of the longest bar, 0 to 1
  public record Row(String label, double share, String note) {}

  private BarChart() {}

  /// Draws the chart.
  public static Pixels draw(String title, List<Row> rows) {
    int line = LabelFont.LINE_HEIGHT;
    int labels = rows.stream().mapToInt(row -> LabelFont.width(row.label())).max().orElse(0);
    int notes = rows.stream().mapToInt(row -> LabelFont.width(row.note())).max().orElse(0);
    int width = Math.max(labels + BAR + notes + 4 * MARGIN, LabelFont.width(title) + 2 * MARGIN);
    int height = (rows.size() + 2) * line + 2 * MARGIN;
    Canvas canvas = new Canvas(width, height, BACKGROUND);
    canvas.text(title, MARGIN, MARGIN, TEXT);
    int y = MARGIN + 2 * line;
    for (Row row : rows) {
      canvas.text(row.label(), MARGIN, y, TEXT);
      int bar = (int) Math.round(BAR * Math.clamp(row.share(), 0, 1));
      canvas.fill(labels + 2 * MARGIN, y + 2, bar, line - 4, COLOUR);
      canvas.text(row.note(), labels + BAR + 3 * MARGIN, y, TEXT);
      y += line;
    }
    return canvas.pixels();
  }
}
