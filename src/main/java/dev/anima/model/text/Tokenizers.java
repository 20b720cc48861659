package dev.anima.model.text;

import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Both tokenizers, loaded side by side on threads of their own while the caller does something
/// else; the first use waits for them.
public final class Tokenizers implements AutoCloseable {
  private final Loading qwen3;
  private final Loading t5;

  /// Starts loading.
  ///
  /// @param qwen3Path the text encoder's file or folder; a folder may bring its own tokenizer
  public Tokenizers(Path qwen3Path) {
    this(qwen3Path, Optional.empty());
  }

  /// Starts loading.
  ///
  /// @param t5Folder with another T5 tokenizer than the bundled one
  public Tokenizers(Path qwen3Path, Optional<Path> t5Folder) {
    this(qwen3Path, t5Folder, true);
  }

  /// @param now whether to start loading; else at the first use of either
  public Tokenizers(Path qwen3Path, Optional<Path> t5Folder, boolean now) {
    qwen3 = new Loading(() -> Tokenizer.qwen3(qwen3Path));
    t5 = new Loading(() -> t5Folder.map(Tokenizer::t5).orElseGet(Tokenizer::t5));
    if (now) {
      start();
    }
  }

  private void start() {
    var _ = qwen3.started();
    var _ = t5.started();
  }

  public Tokenizer qwen3() {
    start();
    return qwen3.await();
  }

  public Tokenizer t5() {
    start();
    return t5.await();
  }

  /// One tokenizer that is being loaded, or will be.
  private static final class Loading {
    private final Supplier<Tokenizer> loader;
    private @Nullable CompletableFuture<Tokenizer> future;

    Loading(Supplier<Tokenizer> loader) {
      this.loader = loader;
    }

    synchronized CompletableFuture<Tokenizer> started() {
      CompletableFuture<Tokenizer> loading = future;
      if (loading == null) {
        loading = CompletableFuture.supplyAsync(loader);
        future = loading;
      }
      return loading;
    }

    Tokenizer await() {
      try {
        return started().join();
      } catch (CompletionException e) {
        if (e.getCause() instanceof InputException problem) {
          throw problem; // the user's file, in the user's words
        }
        throw e;
      }
    }

    /// Also what is still loading; a tokenizer that failed to load has nothing to close.
    synchronized void close() {
      if (future != null) {
        CompletableFuture<Void> _ = future.thenAccept(Tokenizer::close);
      }
    }
  }

  @Override
  public void close() {
    qwen3.close();
    t5.close();
  }
}
