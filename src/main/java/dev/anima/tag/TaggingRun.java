package dev.anima.tag;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// All pictures through the model: read ahead by some threads, asked about by this one, and what
/// follows from the answers done by another, so that the model never waits for the disk.
public final class TaggingRun {
  /// Batches whose answers wait for their listener.
  private static final int MOST_WAITING = 64;

  private TaggingRun() {}

  /// Told the outcomes of one or more batches, in the order of the pictures, on a thread of its
  /// own.
  @FunctionalInterface
  public interface Listener {
    void on(List<Outcome> outcomes);
  }

  /// Tags `images`.
  ///
  /// @param answers of earlier runs, which gets those of this one; empty for none
  /// @param stopRequested asked between batches
  /// @return whether it went to the end
  public static boolean run(
      TaggerModel model,
      List<Path> images,
      TagSettings settings,
      Optional<AnswerStore> answers,
      Listener listener,
      BooleanSupplier stopRequested) {
    int batchSize = model.fixedBatch().orElse(settings.batchSize());
    try (Telling telling = new Telling(answers, listener);
        PictureFeed feed =
            new PictureFeed(
                model,
                images,
                settings.profile(),
                batchSize,
                settings.loaders(),
                answers.map(store -> store::of))) {
      while (!stopRequested.getAsBoolean()) {
        List<Outcome> batch = feed.next();
        if (batch == null) {
          telling.end();
          return true;
        }
        telling.add(batch);
      }
      telling.end();
      return false;
    }
  }

  /// Tells the listener, on a thread of its own. What comes while it is busy is told together.
  private static final class Telling implements AutoCloseable {
    private final Optional<AnswerStore> answers;
    private final Listener listener;
    private final ExecutorService thread =
        Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("captions").factory());
    private final BlockingQueue<Outcome> untold = new LinkedBlockingQueue<>();
    private final Deque<Future<?>> waiting = new ArrayDeque<>();

    Telling(Optional<AnswerStore> answers, Listener listener) {
      this.answers = answers;
      this.listener = listener;
    }

    void add(List<Outcome> batch) {
      untold.addAll(batch);
      waiting.add(thread.submit(this::tell));
      while (waiting.size() > MOST_WAITING || isDone(waiting.peek())) {
        await(waiting.remove());
      }
    }

    private static boolean isDone(@Nullable Future<?> first) {
      return first != null && first.isDone();
    }

    private void tell() {
      List<Outcome> outcomes = new ArrayList<>();
      untold.drainTo(outcomes);
      if (!outcomes.isEmpty()) {
        answers.ifPresent(store -> store.add(outcomes));
        listener.on(outcomes);
      }
    }

    /// Returns when everything is told.
    void end() {
      while (!waiting.isEmpty()) {
        await(waiting.remove());
      }
    }

    private static void await(Future<?> done) {
      try {
        done.get();
      } catch (ExecutionException e) {
        if (e.getCause() instanceof RuntimeException problem) {
          throw problem;
        }
        throw new IllegalStateException("writing captions failed", e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while writing captions", e);
      }
    }

    /// Without [#end] (the model failed) what was answered is told all the same.
    @Override
    public void close() {
      thread.shutdown();
      try {
        var _ = thread.awaitTermination(1, TimeUnit.MINUTES);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
