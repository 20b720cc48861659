package dev.anima.cli.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.IntConsumer;

/// Ways to do the same work, measured in turn so that what else the machine does meets all alike.
///
/// @param setting what was measured, in words
/// @param unit of the work, such as `images`
/// @param loadBefore see [PartReport#load]
record SpeedReport(
    String setting, String unit, int threads, double loadBefore, double loadAfter, List<Row> ways)
    implements PartReport {

  /// @param items of `unit` that one run of `work` does
  record Way(String name, int items, Runnable work) {}

  /// @param perSecond items a second, by the median
  record Row(String way, int items, double median, double min, double max, double perSecond) {
    static Row of(Way way, List<Double> seconds) {
      List<Double> sorted = seconds.stream().sorted().toList();
      int half = sorted.size() / 2;
      double median =
          sorted.size() % 2 == 1 ? sorted.get(half) : (sorted.get(half - 1) + sorted.get(half)) / 2;
      return new Row(
          way.name,
          way.items,
          median,
          sorted.getFirst(),
          Collections.max(sorted),
          way.items / median);
    }
  }

  /// Runs every way `warmUp` times uncounted and `rounds` times counted.
  ///
  /// @param progress told after every run how many are done
  static List<Row> measure(List<Way> ways, int warmUp, int rounds, IntConsumer progress) {
    List<List<Double>> seconds =
        ways.stream().map(_ -> (List<Double>) new ArrayList<Double>()).toList();
    int done = 0;
    for (int round = -warmUp; round < rounds; round++) {
      for (int i = 0; i < ways.size(); i++) {
        long start = System.nanoTime();
        ways.get(i).work.run();
        if (round >= 0) {
          seconds.get(i).add((System.nanoTime() - start) / 1e9);
        }
        progress.accept(++done);
      }
    }
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < ways.size(); i++) {
      rows.add(Row.of(ways.get(i), seconds.get(i)));
    }
    return rows;
  }

  @Override
  public List<String> table() {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "%s, %d threads; load %.1f to %.1f",
            setting,
            threads,
            loadBefore,
            loadAfter));
    lines.add("");
    lines.add(
        String.format(
            Locale.ROOT,
            "%-34s %12s %9s %9s %9s %9s",
            "seconds for all " + unit,
            unit + "/s",
            "median",
            "min",
            "max",
            "vs last"));
    for (Row row : ways) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%-34s %12.3f %9.3f %9.3f %9.3f %9.2f",
              row.way,
              row.perSecond,
              row.median,
              row.min,
              row.max,
              row.perSecond / ways.getLast().perSecond));
    }
    return lines;
  }
}
