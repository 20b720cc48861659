package dev.anima.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
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
  private long firstAt;
  private long firstDone;

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
    if (!started) {
      firstAt = now;
      firstDone = done;
    }
    started = true;
    lastLineAt = now;
    out.println(
        task
            + ": "
            + done
            + "/"
            + total
            + " "
            + unit
            + (detail.isEmpty() ? "" : ", " + detail)
            + timeLeft(done, now));
  }

  /// `, 12 min left`, from the speed since the first line; nothing where that says nothing.
  private String timeLeft(long done, long now) {
    if (done >= total || done <= firstDone) {
      return "";
    }
    double seconds = (now - firstAt) / 1e9 / (done - firstDone) * (total - done);
    if (seconds < 90) {
      return ", %.0f s left".formatted(seconds);
    }
    return seconds < 90 * 60
        ? ", %.0f min left".formatted(seconds / 60)
        : String.format(Locale.ROOT, ", %.1f h left", seconds / 3600);
  }

  @Override
  public void close() {
    out.flush();
  }
}
