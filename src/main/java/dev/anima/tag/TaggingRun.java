package dev.anima.tag;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;

/// All pictures through the model: read ahead by some threads, asked about by this one, and what
/// follows from the answers done by another, so that the model never waits for the disk.
public final class TaggingRun {
  /// Batches whose answers wait for their listener.
  private static final int MOST_WAITING = 64;

  private TaggingRun() {}

  /// Told the outcomes of a batch, in the order of the pictures, on a thread of its own, one batch
  /// at a time.
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
    ExecutorService listening =
        Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("captions").factory());
    Deque<Future<?>> waiting = new ArrayDeque<>();
    try (PictureFeed feed =
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
          return true;
        }
        waiting.add(
            listening.submit(() -> {
              answers.ifPresent(store -> store.add(batch));
              listener.on(batch);
            }));
        if (waiting.size() > MOST_WAITING) {
          await(waiting.remove());
        }
      }
      return false;
    } finally {
      try {
        waiting.forEach(TaggingRun::await);
      } finally {
        listening.shutdownNow();
      }
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
}
