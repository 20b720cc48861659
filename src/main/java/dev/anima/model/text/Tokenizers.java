package dev.anima.model.text;

import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/// Both tokenizers, loaded side by side on threads of their own while the caller does something
/// else; the first use waits for them.
public final class Tokenizers implements AutoCloseable {
  private final CompletableFuture<Tokenizer> qwen3;
  private final CompletableFuture<Tokenizer> t5;

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
    qwen3 = CompletableFuture.supplyAsync(() -> Tokenizer.qwen3(qwen3Path));
    t5 = CompletableFuture.supplyAsync(() -> t5Folder.map(Tokenizer::t5).orElseGet(Tokenizer::t5));
  }

  public Tokenizer qwen3() {
    return await(qwen3);
  }

  public Tokenizer t5() {
    return await(t5);
  }

  private static Tokenizer await(CompletableFuture<Tokenizer> loading) {
    try {
      return loading.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof InputException problem) {
        throw problem; // the user's file, in the user's words
      }
      throw e;
    }
  }

  @Override
  public void close() {
    // Also what is still loading; a tokenizer that failed to load has nothing to close.
    CompletableFuture<Void> _ = qwen3.thenAccept(Tokenizer::close);
    CompletableFuture<Void> _ = t5.thenAccept(Tokenizer::close);
  }
}
