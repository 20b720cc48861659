package dev.anima.sample;

import dev.anima.io.Pixels;
import dev.anima.io.Resampler;
import java.awt.image.BufferedImage;
import java.util.List;

/// Pictures side by side with labels: one row per prompt, one column per state of the model.
public final class ContactSheet {
  private static final int MARGIN = 12;
  private static final int BACKGROUND = 0xFFFFFFFF;
  private static final int TITLE = 0xFF101010;
  private static final int TEXT = 0xFF404040;
  private static final int FRAME = 0xFFC8C8C8;

  /// One row of the sheet.
  ///
  /// @param label shown above the pictures, such as the prompt
  /// @param pictures one per column
  public record Row(String label, List<BufferedImage> pictures) {
    public Row {
      pictures = List.copyOf(pictures);
    }
  }

  private ContactSheet() {}

  /// Draws the sheet.
  ///
  /// @param title first line
  /// @param columns a heading per column
  /// @param rows each with as many pictures as there are columns
  /// @param footer lines below the pictures
  /// @param zoom whole factor by which pictures are enlarged (small models draw small), at least 1
  public static BufferedImage draw(
      String title, List<String> columns, List<Row> rows, List<String> footer, int zoom) {
    if (zoom < 1) {
      throw new IllegalArgumentException("contact sheet with zoom " + zoom);
    }
    for (Row row : rows) {
      if (row.pictures().size() != columns.size()) {
        throw new IllegalArgumentException(
            "contact sheet of %d columns with a row of %d pictures"
                .formatted(columns.size(), row.pictures().size()));
      }
    }
    int cellWidth = cellSize(rows, zoom, true);
    int cellHeight = cellSize(rows, zoom, false);
    int line = LabelFont.LINE_HEIGHT;
    int width = MARGIN + columns.size() * (cellWidth + MARGIN);
    int height =
        MARGIN
            + 2 * line
            + rows.size() * (line + cellHeight + MARGIN)
            + footer.size() * line
            + MARGIN;
    BufferedImage sheet = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    fill(sheet, 0, 0, width, height, BACKGROUND);

    int y = MARGIN;
    label(sheet, title, MARGIN, y, width - 2 * MARGIN, TITLE);
    y += line;
    for (int column = 0; column < columns.size(); column++) {
      label(sheet, columns.get(column), left(column, cellWidth), y, cellWidth, TITLE);
    }
    y += line;
    for (Row row : rows) {
      label(sheet, row.label(), MARGIN, y, width - 2 * MARGIN, TEXT);
      y += line;
      for (int column = 0; column < row.pictures().size(); column++) {
        paste(sheet, row.pictures().get(column), left(column, cellWidth), y, zoom);
      }
      y += cellHeight + MARGIN;
    }
    for (String text : footer) {
      label(sheet, text, MARGIN, y, width - 2 * MARGIN, TEXT);
      y += line;
    }
    return sheet;
  }

  /// A picture scaled to fit a square of `side` pixels, for use as a cell.
  public static BufferedImage fit(Pixels picture, int side) {
    double scale = (double) side / Math.max(picture.width(), picture.height());
    Pixels small =
        Resampler.resize(
            picture,
            Math.max(1, (int) Math.round(picture.width() * scale)),
            Math.max(1, (int) Math.round(picture.height() * scale)));
    BufferedImage image =
        new BufferedImage(small.width(), small.height(), BufferedImage.TYPE_INT_RGB);
    byte[] data = small.data();
    for (int i = 0; i < small.width() * small.height(); i++) {
      int at = i * small.channels();
      int rgb = (data[at] & 0xFF) << 16 | (data[at + 1] & 0xFF) << 8 | (data[at + 2] & 0xFF);
      image.setRGB(i % small.width(), i / small.width(), rgb);
    }
    return image;
  }

  private static int left(int column, int cellWidth) {
    return MARGIN + column * (cellWidth + MARGIN);
  }

  private static int cellSize(List<Row> rows, int zoom, boolean horizontal) {
    return rows.stream()
        .flatMap(row -> row.pictures().stream())
        .mapToInt(picture -> zoom * (horizontal ? picture.getWidth() : picture.getHeight()))
        .max()
        .orElse(0);
  }

  private static void label(BufferedImage sheet, String text, int x, int y, int width, int rgb) {
    LabelFont.draw(sheet, LabelFont.fit(text, width), x, y, rgb);
  }

  private static void paste(
      BufferedImage sheet, BufferedImage picture, int left, int top, int zoom) {
    int width = picture.getWidth() * zoom;
    int height = picture.getHeight() * zoom;
    fill(sheet, left - 1, top - 1, width + 2, height + 2, FRAME);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        sheet.setRGB(left + x, top + y, picture.getRGB(x / zoom, y / zoom));
      }
    }
  }

  private static void fill(BufferedImage image, int left, int top, int width, int height, int rgb) {
    for (int y = top; y < top + height; y++) {
      for (int x = left; x < left + width; x++) {
        image.setRGB(x, y, rgb);
      }
    }
  }
}
