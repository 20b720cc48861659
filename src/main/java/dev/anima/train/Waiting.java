package dev.anima.train;

import dev.anima.io.RunFailedException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/// Waiting for work on other threads, with their problems as one's own.
final class Waiting {
  private Waiting() {}

  /// The result of `work`.
  ///
  /// @throws RuntimeException what the work threw
  static <T> T on(Future<T> work) {
    try {
      return work.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException problem) {
        throw problem;
      }
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw new RunFailedException("background work failed: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RunFailedException("interrupted while waiting for an image", e);
    }
  }
}
