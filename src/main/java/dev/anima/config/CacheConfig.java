package dev.anima.config;

import static dev.anima.config.Checks.atLeastOne;

import java.util.OptionalInt;

/// What is encoded once instead of every time.
///
/// @param vaeBatchSize images encoded together
/// @param textBatchSize captions encoded together; empty means the dataset's batch size
/// @param trustFiles use cache files without looking whether they fit
public record CacheConfig(
    Store latents, int vaeBatchSize, Store text, OptionalInt textBatchSize, boolean trustFiles) {

  /// Where encoded values are kept.
  public enum Store {
    NONE,
    MEMORY,
    DISK
  }

  public CacheConfig {
    atLeastOne("vae_batch_size", vaeBatchSize);
    atLeastOne("text_encoder_batch_size", textBatchSize);
  }

  static CacheConfig of(Flags flags) {
    return new CacheConfig(
        store(flags, "cache_latents"),
        flags.integer("vae_batch_size"),
        store(flags, "cache_text_encoder_outputs"),
        flags.maybeInteger("text_encoder_batch_size"),
        flags.on("skip_cache_check"));
  }

  private static Store store(Flags flags, String name) {
    if (flags.on(name + "_to_disk")) {
      return Store.DISK;
    }
    return flags.on(name) ? Store.MEMORY : Store.NONE;
  }
}
