package dev.anima.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;

/// Ctrl-C (or SIGTERM) while work is going on that can stop cleanly: the first asks for a stop,
/// which the work looks at between steps; the second ends the process at once. SIGUSR1 asks for
/// sample pictures (Windows has no such signal).
///
/// Open it only around work that asks [#requested]; elsewhere Ctrl-C keeps its usual meaning.
public final class SignalStop implements AutoCloseable {
  private static final List<String> SIGNALS = List.of("INT", "TERM");
  private static final String PICTURES = "USR1";

  private record Previous(String signal, @Nullable Object handler) {}

  private final Console console;
  private final Runnable abort;
  private final AtomicInteger signals = new AtomicInteger();
  private final AtomicBoolean pictures = new AtomicBoolean();
  private final List<Previous> previous = new ArrayList<>();

  SignalStop(Console console, Runnable abort) {
    this.console = console;
    this.abort = abort;
  }

  /// Takes over the signals until [#close].
  public static SignalStop open(Console console) {
    SignalStop stop = new SignalStop(console, () -> Runtime.getRuntime().halt(ExitCode.STOPPED));
    for (String signal : SIGNALS) {
      stop.previous.add(new Previous(signal, Signals.register(signal, stop::signalled)));
    }
    stop.previous.add(
        new Previous(PICTURES, Signals.register(PICTURES, () -> stop.pictures.set(true))));
    return stop;
  }

  /// Whether a clean stop was asked for. Cheap: meant to be called between any two steps.
  public boolean requested() {
    return signals.get() > 0;
  }

  /// Whether sample pictures were asked for since the last call.
  public boolean takePictures() {
    return pictures.getAndSet(false);
  }

  /// What a signal does.
  void signalled() {
    if (signals.getAndIncrement() > 0) {
      abort.run();
      return;
    }
    console.report("Stopping after this step; press Ctrl-C again to stop at once.");
  }

  /// Gives the signals back.
  @Override
  public void close() {
    for (Previous handler : previous) {
      Signals.unregister(handler.signal(), handler.handler());
    }
    previous.clear();
  }
}
