package dev.anima.engine;

import java.util.concurrent.atomic.AtomicLong;

/// Looks every few milliseconds how much memory of its own this process has, and remembers the
/// most. Linux only; elsewhere the peak stays 0.
public final class PeakWatch implements AutoCloseable {
  private static final long PERIOD_MILLIS = 20;

  private final AtomicLong peak = new AtomicLong();
  private final Thread thread;

  public PeakWatch() {
    thread = Thread.ofPlatform().name("memory watch").daemon().start(this::watch);
  }

  private void watch() {
    while (look()) {
      try {
        Thread.sleep(PERIOD_MILLIS);
      } catch (InterruptedException _) {
        return;
      }
    }
  }

  private boolean look() {
    ProcessMemory.anonymous().ifPresent(now -> peak.accumulateAndGet(now, Math::max));
    return peak.get() > 0;
  }

  /// Bytes that lie in no file, at their most so far.
  public long peak() {
    return peak.get();
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
