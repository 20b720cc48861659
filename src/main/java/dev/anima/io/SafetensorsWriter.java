package dev.anima.io;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Writes safetensors files byte for byte as the safetensors library (0.4.5) does, atomically and
/// without copying the tensors.
///
/// The file is a u64 little-endian header length, a compact JSON header (`__metadata__` first)
/// padded with blanks to a multiple of 8, then the tensors, highest dtype rank first, by name
/// within a rank.
public final class SafetensorsWriter {
  private static final int ALIGNMENT = 8;

  /// Prefix of the training metadata, the only part that enters [Hashes#legacyHash].
  private static final String TRAINING_PREFIX = "ss_";

  private SafetensorsWriter() {}

  /// The two hashes that trainers store in a LoRA file.
  ///
  /// @param modelHash SHA-256 (64 hex digits) of the data section; independent of metadata
  /// @param legacyHash first 8 hex digits of the SHA-256 over 65536 bytes at offset 1 MiB of the
  ///   file as it would be with its `ss_` metadata alone
  public record Hashes(String modelHash, String legacyHash) {}

  /// Writes a file without a `__metadata__` block.
  public static void write(Path file, Collection<TensorData> tensors) {
    write(file, layout(tensors, null));
  }

  /// Writes a file with a `__metadata__` block, in the order of the map, even when it is empty.
  public static void write(
      Path file, Collection<TensorData> tensors, Map<String, String> metadata) {
    write(file, layout(tensors, metadata));
  }

  /// Writes a file whose metadata also names `sshs_model_hash` and `sshs_legacy_hash`.
  public static void writeWithHashes(
      Path file, Collection<TensorData> tensors, Map<String, String> metadata) {
    Hashes hashes = hashes(tensors, metadata);
    Map<String, String> all = new LinkedHashMap<>(metadata);
    all.put("sshs_model_hash", hashes.modelHash());
    all.put("sshs_legacy_hash", hashes.legacyHash());
    write(file, tensors, all);
  }

  /// The hashes of a file with these tensors and this metadata (keys without `ss_` do not count).
  public static Hashes hashes(Collection<TensorData> tensors, Map<String, String> metadata) {
    Map<String, String> training = new LinkedHashMap<>(metadata);
    training.keySet().removeIf(key -> !key.startsWith(TRAINING_PREFIX));
    Layout layout = layout(tensors, training);
    MessageDigest whole = FileHashes.sha256();
    for (TensorData tensor : layout.tensors()) {
      FileHashes.update(whole, tensor.bytes());
    }
    return new Hashes(FileHashes.hex(whole), legacyHash(layout));
  }

  /// Header bytes (length field included) and the tensors in file order.
  private record Layout(MemorySegment header, List<TensorData> tensors) {}

  private static void write(Path file, Layout layout) {
    AtomicFiles.write(
        file,
        channel -> {
          AtomicFiles.writeFully(channel, layout.header());
          for (TensorData tensor : layout.tensors()) {
            AtomicFiles.writeFully(channel, tensor.bytes());
          }
        });
  }

  private static String legacyHash(Layout layout) {
    MessageDigest window = FileHashes.sha256();
    long at = updateWindow(window, 0, layout.header());
    for (TensorData tensor : layout.tensors()) {
      at = updateWindow(window, at, tensor.bytes());
    }
    return FileHashes.hex(window).substring(0, FileHashes.SHORT_DIGITS);
  }

  /// Feeds the part of `bytes` (which start at file offset `at`) that lies in the hashed window.
  private static long updateWindow(MessageDigest window, long at, MemorySegment bytes) {
    long end = at + bytes.byteSize();
    long from = Math.max(at, FileHashes.WINDOW_OFFSET);
    long to = Math.min(end, FileHashes.WINDOW_OFFSET + FileHashes.WINDOW_BYTES);
    if (from < to) {
      FileHashes.update(window, bytes.asSlice(from - at, to - from));
    }
    return end;
  }

  private static Layout layout(
      Collection<TensorData> tensors, @Nullable Map<String, String> metadata) {
    List<TensorData> sorted = new ArrayList<>(tensors);
    sorted.sort(
        Comparator.comparing(TensorData::type)
            .reversed()
            .thenComparing(TensorData::name, SafetensorsWriter::compareUtf8));
    byte[] json = header(sorted, metadata).getBytes(StandardCharsets.UTF_8);
    int padded = Math.ceilDiv(json.length, ALIGNMENT) * ALIGNMENT;
    byte[] header = new byte[Long.BYTES + padded];
    ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).put(json);
    Arrays.fill(header, Long.BYTES + json.length, header.length, (byte) ' ');
    return new Layout(MemorySegment.ofArray(header), sorted);
  }

  private static String header(List<TensorData> tensors, @Nullable Map<String, String> metadata) {
    StringBuilder json = new StringBuilder("{");
    if (metadata != null) {
      json.append("\"__metadata__\":{");
      metadata.forEach((key, value) -> {
        separate(json);
        appendString(json, key);
        json.append(':');
        appendString(json, value);
      });
      json.append('}');
    }
    String previous = null;
    long offset = 0;
    for (TensorData tensor : tensors) {
      if (tensor.name().equals(previous)) {
        throw new IllegalArgumentException("two tensors are named " + previous);
      }
      previous = tensor.name();
      long end = offset + tensor.bytes().byteSize();
      separate(json);
      appendString(json, tensor.name());
      json.append(":{\"dtype\":\"").append(tensor.dtype()).append("\",\"shape\":[");
      for (int i = 0; i < tensor.shape().size(); i++) {
        json.append(i == 0 ? "" : ",").append(tensor.shape().get(i));
      }
      json.append("],\"data_offsets\":[").append(offset).append(',').append(end).append("]}");
      offset = end;
    }
    return json.append('}').toString();
  }

  private static void separate(StringBuilder json) {
    if (json.charAt(json.length() - 1) != '{') {
      json.append(',');
    }
  }

  /// A string as serde_json writes it: only the quote, the backslash and control characters are
  /// escaped.
  private static void appendString(StringBuilder json, String text) {
    json.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> json.append("\\\"");
        case '\\' -> json.append("\\\\");
        case '\b' -> json.append("\\b");
        case '\t' -> json.append("\\t");
        case '\n' -> json.append("\\n");
        case '\f' -> json.append("\\f");
        case '\r' -> json.append("\\r");
        default -> {
          if (c < 0x20) {
            json.append("\\u%04x".formatted((int) c));
          } else {
            json.append(c);
          }
        }
      }
    }
    json.append('"');
  }

  /// The order of the UTF-8 bytes, which differs from String's own above U+D7FF.
  private static int compareUtf8(String a, String b) {
    return Arrays.compareUnsigned(
        a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
  }
}
