package dev.anima.train.plan;

import dev.anima.config.Size;
import dev.anima.model.WeightStorage;
import java.util.List;
import java.util.Optional;

/// A run as far as its memory depends on it.
///
/// @param programBytes what the program takes without a tensor: the Java machine and libtorch, or
///   on a card CUDA's own
/// @param steps of training
/// @param storage of the DiT's matrices
/// @param latents how pictures become latents
/// @param texts how captions become contexts
/// @param buckets shapes of the micro-batches
/// @param pictures samples that are drawn on the way
/// @param measured sizes of the images that progress is measured on, one at a time
/// @param saving bytes of a copy of the LoRA in another dtype, 0 where it is saved as it is
public record RunShape(
    long programBytes,
    StepMemory steps,
    DitBytes dit,
    WeightStorage storage,
    Latents latents,
    Texts texts,
    List<Bucket> buckets,
    List<Picture> pictures,
    Saving saving,
    List<Size> measured) {
  public RunShape {
    buckets = List.copyOf(buckets);
    pictures = List.copyOf(pictures);
    measured = List.copyOf(measured);
  }

  /// A run that does not measure its progress.
  public RunShape(
      long programBytes,
      StepMemory steps,
      DitBytes dit,
      WeightStorage storage,
      Latents latents,
      Texts texts,
      List<Bucket> buckets,
      List<Picture> pictures,
      Saving saving) {
    this(programBytes, steps, dit, storage, latents, texts, buckets, pictures, saving, List.of());
  }

  /// @param encoder its weights
  /// @param decoder its weights, there while a sample is drawn
  /// @param cached whether all pictures are encoded before the first step; else a batch at a time
  /// @param batch pictures encoded together
  /// @param flips whether some are encoded mirrored too
  /// @param kept bytes of the latents kept in memory
  public record Latents(
      VaeMemory vae,
      ModelBytes encoder,
      ModelBytes decoder,
      boolean cached,
      int batch,
      boolean flips,
      long kept) {}

  /// @param weights of Qwen3
  /// @param ahead whether captions are encoded between the steps, by a Qwen3 that comes and goes
  /// @param trains whether it carries a LoRA
  /// @param tokens of the longest caption
  /// @param padded T5 rows, to which contexts are padded
  /// @param batch captions encoded together before training; 0 where none are
  /// @param kept bytes of states and contexts kept in memory
  public record Texts(
      Optional<TextMemory> memory,
      ModelBytes weights,
      boolean ahead,
      boolean trains,
      long tokens,
      long padded,
      int batch,
      long kept) {
    /// Ready contexts from nowhere, for measurements.
    public static Texts none(long tokens, long padded) {
      return new Texts(Optional.empty(), ModelBytes.NONE, false, false, tokens, padded, 0, 0);
    }
  }

  /// @param batch images in its largest micro-batch
  public record Bucket(Size pixels, int batch) {}

  /// @param guided whether every step has a second pass
  public record Picture(Size pixels, boolean guided) {}

  /// @param loraCopy bytes of the LoRA in the dtype it is saved in, 0 if that is its own
  public record Saving(long loraCopy) {}

  Arithmetic arithmetic() {
    return steps.arithmetic();
  }

  StepShape step(Bucket bucket) {
    return StepShape.of(bucket.batch, bucket.pixels, texts.tokens, texts.padded);
  }
}
