package dev.anima.cli;

import java.io.PrintStream;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/// A bar with speed and time left, drawn a few times a second.
final class ProgressOnTerminal implements Progress {
  private static final int REFRESH_MILLIS = 250;

  private final ProgressBar bar;

  ProgressOnTerminal(PrintStream terminal, int columns, String task, long total, String unit) {
    boolean windows = System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("win");
    bar =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(total)
            .setUnit(" " + unit, 1)
            .setStyle(windows ? ProgressBarStyle.ASCII : ProgressBarStyle.COLORFUL_UNICODE_BAR)
            .setUpdateIntervalMillis(REFRESH_MILLIS)
            // An own consumer, given the width: the default one opens a JLine terminal, which
            // costs start-up time and takes Ctrl-C for itself.
            .setConsumer(new ConsoleProgressBarConsumer(terminal, Math.max(20, columns - 1)))
            .build();
  }

  @Override
  public void at(long done, String detail) {
    bar.setExtraMessage(detail.isEmpty() ? "" : " " + detail);
    bar.stepTo(done);
  }

  @Override
  public void close() {
    bar.close();
  }
}
