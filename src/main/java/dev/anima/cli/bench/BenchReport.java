package dev.anima.cli.bench;

import dev.anima.cli.Console;
import dev.anima.train.StepBenchmark.Measurement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// What `anima bench` found out about training steps.
///
/// @param stepTflop floating-point operations of a step, recompute not counted, in 10^12
/// @param peakTflops operations a second of one large product on this machine, in 10^12
/// @param loadBefore processes that wanted to run in the minute before the measurement, on average;
///   negative where the system does not tell
/// @param loadAfter the same at its end
record BenchReport(
    int blocks,
    int pixels,
    int batch,
    int rank,
    int textTokens,
    String dtype,
    String device,
    int threads,
    long weightBytes,
    double stepTflop,
    double peakTflops,
    double loadBefore,
    double loadAfter,
    List<Row> ways)
    implements PartReport {

  /// @param shareOfPeak `stepTflop` by median time by `peakTflops`
  /// @param outside share of the training thread's time outside libtorch
  record Row(
      String way,
      double median,
      double min,
      double max,
      double shareOfPeak,
      OptionalLong peakBytes,
      OptionalDouble outside) {
    static Row of(Measurement measured, double flops, double peak) {
      return new Row(
          measured.way().description(),
          measured.median(),
          Collections.min(measured.seconds()),
          Collections.max(measured.seconds()),
          flops / measured.median() / peak,
          measured.peakBytes(),
          measured.outside());
    }
  }

  @Override
  public List<String> table() {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "%d blocks, %d x %d pixels, batch %d, rank %d, %d text tokens, %s on %s, %d threads",
            blocks,
            pixels,
            pixels,
            batch,
            rank,
            textTokens,
            dtype,
            device,
            threads));
    lines.add(
        String.format(
            Locale.ROOT,
            "weights %s; a step needs %.2f TFLOP; one large product reaches %.3f TFLOP/s; load %.1f to %.1f",
            Console.bytes(weightBytes),
            stepTflop,
            peakTflops,
            loadBefore,
            loadAfter));
    lines.add("");
    int width = Math.max(26, ways.stream().mapToInt(row -> row.way.length()).max().orElse(0));
    lines.add(
        String.format(
            Locale.ROOT,
            "%-" + width + "s %9s %9s %9s %8s %9s %10s %8s",
            "seconds a step",
            "median",
            "min",
            "max",
            "of peak",
            "vs first",
            "memory",
            "outside"));
    for (Row row : ways) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%-" + width + "s %9.3f %9.3f %9.3f %7.0f%% %9.2f %10s %8s",
              row.way,
              row.median,
              row.min,
              row.max,
              100 * row.shareOfPeak,
              row.median / ways.getFirst().median,
              row.peakBytes.isPresent() ? Console.bytes(row.peakBytes.getAsLong()) : "-",
              percent(row.outside)));
    }
    lines.add("");
    lines.add("memory: the most a step took beyond what was there before it (weights, LoRA).");
    lines.add("outside: share of the training thread's time that passed outside libtorch.");
    return lines;
  }

  private static String percent(OptionalDouble share) {
    return share.isPresent()
        ? String.format(Locale.ROOT, "%.1f%%", 100 * share.getAsDouble())
        : "-";
  }
}
