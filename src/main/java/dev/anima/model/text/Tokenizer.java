package dev.anima.model.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import dev.anima.io.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;

/// Text to token ids, as one of the two text models wants them. Loading takes about half a second;
/// encoding is thread-safe.
public final class Tokenizer implements AutoCloseable {
  /// The length both texts are padded to unless flags say otherwise.
  public static final int DEFAULT_LENGTH = 512;

  private static final String QWEN3_PADDING = "<|endoftext|>";
  private static final Map<String, String> OPTIONS =
      Map.of("addSpecialTokens", "true", "truncation", "false", "padding", "false");

  static {
    // The library would otherwise report its use to its makers, and download a CUDA build of
    // itself.
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("ai.djl.offline", "true");
  }

  private final HuggingFaceTokenizer tokenizer;
  private final long padding;
  private final boolean keepsLast;

  /// @param keepsLast whether a text that is cut keeps its last token (T5's end mark)
  private Tokenizer(HuggingFaceTokenizer tokenizer, long padding, boolean keepsLast) {
    this.tokenizer = tokenizer;
    this.padding = padding;
    this.keepsLast = keepsLast;
  }

  /// The bundled Qwen3 tokenizer: no special tokens are added, an empty text has no tokens.
  public static Tokenizer qwen3() {
    return qwen3(bundled("qwen3"));
  }

  /// The tokenizer of a Hugging Face folder with a `tokenizer.json`; the bundled one for any other
  /// path.
  ///
  /// @throws InputException if the folder's tokenizer cannot be read
  public static Tokenizer qwen3(Path fileOrFolder) {
    Path file = fileOrFolder.resolve("tokenizer.json");
    if (!Files.isRegularFile(file)) {
      return qwen3();
    }
    return qwen3(read(file));
  }

  /// The T5 tokenizer of a Hugging Face folder.
  ///
  /// @throws InputException if the folder holds no `tokenizer.json` that can be read
  public static Tokenizer t5(Path folder) {
    Path file = folder.resolve("tokenizer.json");
    if (!Files.isRegularFile(file)) {
      throw InputException.inFile(folder, "holds no tokenizer.json, which a T5 tokenizer needs");
    }
    return new Tokenizer(read(file), 0, true);
  }

  private static HuggingFaceTokenizer read(Path file) {
    try (InputStream json = Files.newInputStream(file)) {
      return HuggingFaceTokenizer.newInstance(json, OPTIONS);
    } catch (IOException | RuntimeException e) {
      throw new InputException(file + ": not a usable tokenizer (" + e.getMessage() + ")", e);
    }
  }

  private static Tokenizer qwen3(HuggingFaceTokenizer tokenizer) {
    long[] padding = tokenizer.encode(QWEN3_PADDING, true, false).getIds();
    return new Tokenizer(tokenizer, padding.length == 1 ? padding[0] : 0, false);
  }

  /// The bundled tokenizer of the old T5 vocabulary: every text ends with the end mark (1), also a
  /// text that was cut; padding is 0.
  public static Tokenizer t5() {
    return new Tokenizer(bundled("t5"), 0, true);
  }

  private static HuggingFaceTokenizer bundled(String name) {
    String resource = "/dev/anima/tokenizers/" + name + "/tokenizer.json";
    try (InputStream json = Tokenizer.class.getResourceAsStream(resource)) {
      return HuggingFaceTokenizer.newInstance(Objects.requireNonNull(json, resource), OPTIONS);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// All tokens of `text`, special ones included, neither cut nor padded.
  public long[] encode(String text) {
    return tokenizer.encode(text, true, false).getIds();
  }

  /// The tokens of `text`, cut on the right or padded to `length`.
  public Tokens encode(String text, int length) {
    long[] all = encode(text);
    int used = Math.min(all.length, length);
    long[] ids = Arrays.copyOf(all, length);
    Arrays.fill(ids, used, length, padding);
    if (all.length > length && keepsLast) {
      ids[length - 1] = all[all.length - 1];
    }
    return new Tokens(ids, used);
  }

  /// The pieces that a text is cut into, special ones left out; a space that belongs to a piece is
  /// written as one.
  public List<String> pieces(String text) {
    return Arrays.stream(tokenizer.encode(text, false, false).getTokens())
        .map(piece -> piece.replace('\u0120', ' ').replace('\u2581', ' '))
        .toList();
  }

  /// Where a text is cut when it may have `length` tokens: index of the first character that is
  /// lost, empty if nothing is.
  public OptionalInt cut(String text, int length) {
    Encoding encoding = tokenizer.encode(text, true, false);
    int kept = keepsLast ? length - 1 : length;
    if (encoding.getIds().length <= length) {
      return OptionalInt.empty();
    }
    CharSpan first = encoding.getCharTokenSpans()[kept];
    return OptionalInt.of(first == null ? text.length() : first.getStart());
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
