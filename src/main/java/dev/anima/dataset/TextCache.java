package dev.anima.dataset;

import dev.anima.io.InputException;
import dev.anima.io.NpyArray;
import dev.anima.io.Npz;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Text encoder outputs on disk, in the reference's files: one file per image.
///
/// The reference never notices that a caption was edited. Files written here hold one more array,
/// which the reference ignores: a hash of everything the outputs depend on.
public final class TextCache {
  private static final String EMBEDS = "prompt_embeds";
  private static final String MASK = "attn_mask";
  private static final String T5_IDS = "t5_input_ids";
  private static final String T5_MASK = "t5_attn_mask";
  private static final String DROPOUT = "caption_dropout_rate";
  private static final String HASH = "anima_source_sha256";
  private static final List<String> REQUIRED = List.of(EMBEDS, MASK, T5_IDS, T5_MASK, DROPOUT);

  /// What is cached of one caption. `L` tokens of Qwen3, `T` of T5, both padded.
  ///
  /// @param promptEmbeds `(L, D)` float32 or float16, padding zeroed
  /// @param attentionMask `(L)` int64, 1 for tokens
  /// @param t5Ids `(T)` int32
  /// @param t5Mask `(T)` int32
  /// @param captionDropoutRate of the subset when it was written; the run's own setting counts
  public record Entry(
      NpyArray promptEmbeds,
      NpyArray attentionMask,
      NpyArray t5Ids,
      NpyArray t5Mask,
      float captionDropoutRate) {}

  /// What text outputs depend on.
  ///
  /// @param caption the encoded text
  /// @param encoder identifies the text encoder's weights and precision
  /// @param length tokens Qwen3 outputs are padded to
  /// @param t5Length tokens T5 ids are padded to
  public record Source(String caption, String encoder, int length, int t5Length) {
    byte[] sha256() {
      // Lengths first, so that no caption can imitate another encoder's name.
      String text = length + "\n" + t5Length + "\n" + encoder.length() + "\n" + encoder + caption;
      try {
        return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every JDK has SHA-256", e);
      }
    }
  }

  private TextCache() {}

  /// Where the text outputs of an image are cached.
  public static Path file(TrainingImage image) {
    return Path.of(CaptionFile.stem(image.found().file().toString()) + "_anima_te.npz");
  }

  /// Whether the cache file can be used: it is complete, and made from `source` as far as it says
  /// (a file of the reference does not say).
  ///
  /// @param unseen trust any file that exists (`--skip_cache_check`)
  /// @throws InputException if the file is damaged
  public static boolean isValid(TrainingImage image, Source source, boolean unseen) {
    Path file = file(image);
    if (!Files.isRegularFile(file)) {
      return false;
    }
    return unseen || (Npz.names(file).containsAll(REQUIRED) && isMadeFrom(file, source));
  }

  private static boolean isMadeFrom(Path file, Source source) {
    NpyArray hash = Npz.read(file, List.of(HASH)).get(HASH);
    if (hash == null) {
      return true;
    }
    byte[] expected = source.sha256();
    byte[] actual = hash.bytes().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    return Arrays.equals(actual, expected);
  }

  /// Whether the file says what it was made from; if not, an edited caption goes unnoticed.
  static boolean namesItsSource(Path file) {
    return Npz.names(file).contains(HASH);
  }

  /// @throws InputException if the file is missing, damaged or incomplete
  public static Entry read(TrainingImage image) {
    Path file = file(image);
    Map<String, NpyArray> arrays = Npz.read(file, REQUIRED);
    return new Entry(
        required(file, arrays, EMBEDS),
        required(file, arrays, MASK),
        required(file, arrays, T5_IDS),
        required(file, arrays, T5_MASK),
        (float) required(file, arrays, DROPOUT).doubleAt(0));
  }

  private static NpyArray required(Path file, Map<String, NpyArray> arrays, String name) {
    NpyArray array = arrays.get(name);
    if (array == null || array.length() == 0) {
      throw InputException.inFile(file, "lacks the array " + name + "; delete it and restart");
    }
    return array;
  }

  /// Replaces the file.
  public static void write(TrainingImage image, Entry entry, Source source) {
    Map<String, NpyArray> arrays = new LinkedHashMap<>();
    arrays.put(EMBEDS, entry.promptEmbeds());
    arrays.put(MASK, entry.attentionMask());
    arrays.put(T5_IDS, entry.t5Ids());
    arrays.put(T5_MASK, entry.t5Mask());
    arrays.put(DROPOUT, NpyArray.ofFloats(new float[] {entry.captionDropoutRate()}));
    byte[] hash = source.sha256();
    arrays.put(HASH, NpyArray.ofBytes(hash, hash.length));
    Npz.write(file(image), arrays);
  }
}
