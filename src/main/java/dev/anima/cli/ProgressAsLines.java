package dev.anima.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.function.LongSupplier;

/// Plain lines for files and pipes: the first step, then at most one line per interval, then the
/// last step.
final class ProgressAsLines implements Progress {
  private final PrintStream out;
  private final String task;
  private final long total;
  private final String unit;
  private final long intervalNanos;
  private final LongSupplier nanoClock;

  private boolean started;
  private long lastLineAt;

  ProgressAsLines(
      PrintStream out,
      String task,
      long total,
      String unit,
      Duration interval,
      LongSupplier nanoClock) {
    this.out = out;
    this.task = task;
    this.total = total;
    this.unit = unit;
    this.intervalNanos = interval.toNanos();
    this.nanoClock = nanoClock;
  }

  @Override
  public void at(long done, String detail) {
    long now = nanoClock.getAsLong();
    if (started && done < total && now - lastLineAt < intervalNanos) {
      return;
    }
    started = true;
    lastLineAt = now;
    out.println(
        task + ": " + done + "/" + total + " " + unit + (detail.isEmpty() ? "" : ", " + detail));
  }

  @Override
  public void close() {
    out.flush();
  }
}
