package dev.anima.cli.check;

import dev.anima.cli.check.Preview.Rate;
import dev.anima.io.PythonText;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The learning rate over a run, drawn with characters.
final class RateCurve {
  private static final int ROWS = 6;

  private RateCurve() {}

  /// One column for each rate, the highest rate on top, step numbers below.
  static List<String> draw(List<Rate> rates) {
    double highest = rates.stream().mapToDouble(Rate::rate).max().orElse(0);
    if (!(highest > 0) || !Double.isFinite(highest)) {
      return List.of();
    }
    List<String> lines = new ArrayList<>();
    for (int row = ROWS; row >= 0; row--) {
      StringBuilder line = new StringBuilder();
      for (Rate rate : rates) {
        line.append(Math.round(rate.rate() / highest * ROWS) == row ? '*' : ' ');
      }
      String label = row == ROWS ? PythonText.repr(rounded(highest)) : row == 0 ? "0" : "";
      lines.add(("%" + (Page.LABEL_COLUMNS - 2) + "s |%s").formatted(label, line).stripTrailing());
    }
    String first = Integer.toString(rates.getFirst().step() + 1);
    String last = Integer.toString(rates.getLast().step() + 1);
    int gap = Math.max(1, rates.size() - first.length() - last.length());
    lines.add(
        ("%" + (Page.LABEL_COLUMNS - 1) + "s %s%s%s")
            .formatted("step", first, " ".repeat(gap), last));
    return lines;
  }

  /// Three digits are enough for a label.
  private static double rounded(double rate) {
    return Double.parseDouble(String.format(Locale.ROOT, "%.2e", rate));
  }
}
