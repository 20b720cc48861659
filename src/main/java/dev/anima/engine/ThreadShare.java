package dev.anima.engine;

import java.time.Duration;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/// How much of a thread's time passes outside libtorch, by looking at its stack every few
/// milliseconds from another thread.
///
/// A look does not stop a thread that is inside a native method, so what is measured is hardly
/// disturbed. A look at a thread in Java takes effect at its next safepoint, at most a few
/// microseconds later.
public final class ThreadShare implements AutoCloseable {
  private static final Duration PAUSE = Duration.ofMillis(3);

  private final Thread watched;
  private final Thread watcher;
  private volatile @Nullable Tally current;
  private volatile boolean closed;

  /// What was seen during some part of the thread's work.
  public static final class Tally {
    private long inside;
    private long outside;

    synchronized void add(boolean insideLibtorch) {
      if (insideLibtorch) {
        inside++;
      } else {
        outside++;
      }
    }

    /// Looks taken.
    public synchronized long looks() {
      return inside + outside;
    }

    /// The share of looks that found the thread outside libtorch, 0 to 1; empty without looks.
    public synchronized OptionalDouble outside() {
      return inside + outside == 0
          ? OptionalDouble.empty()
          : OptionalDouble.of((double) outside / (inside + outside));
    }
  }

  /// Watches `thread` from [#count] on.
  public ThreadShare(Thread thread) {
    watched = thread;
    watcher = Thread.ofPlatform().daemon().name("thread-share").start(this::watch);
  }

  /// Adds to `tally` what the watched thread does until the result is closed.
  public Counting count(Tally tally) {
    current = tally;
    return new Counting(this);
  }

  /// A part of the thread's work that is being looked at.
  public record Counting(ThreadShare share) implements AutoCloseable {
    @Override
    public void close() {
      share.current = null;
    }
  }

  private void watch() {
    while (!closed) {
      Tally before = current;
      if (before != null) {
        StackTraceElement[] stack = watched.getStackTrace();
        if (current == before && stack.length > 0) { // still at the same work
          before.add(isInsideLibtorch(stack[0]));
        }
      }
      try {
        Thread.sleep(PAUSE);
      } catch (InterruptedException e) {
        return; // closed
      }
    }
  }

  /// Native methods of the binding: the call itself, and the freeing of a tensor.
  static boolean isInsideLibtorch(StackTraceElement top) {
    return top.isNativeMethod() && top.getClassName().startsWith("org.bytedeco.");
  }

  @Override
  public void close() {
    closed = true;
    watcher.interrupt();
  }
}
