package dev.anima.io;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// A safetensors file mapped into memory: nothing is copied, the header is checked before anything
/// is believed.
///
/// Layout: u64 little-endian header length, a JSON header, then the tensor bytes. The mapping lives
/// until [#close].
public final class SafetensorsFile implements AutoCloseable {
  private static final ValueLayout.OfLong LITTLE_ENDIAN_LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /// The format's own limit on header size.
  private static final long MAX_HEADER_BYTES = 100_000_000;

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /// One tensor of the file.
  ///
  /// @param dtype as in the header, such as `BF16`
  /// @param offset of its first byte, from the start of the data section
  /// @param bytes its length
  public record Entry(String name, String dtype, List<Long> shape, long offset, long bytes) {
    public long[] shapeArray() {
      return shape.stream().mapToLong(Long::longValue).toArray();
    }
  }

  private final Path path;
  private final Arena arena;
  private final long dataPosition;
  private final MemorySegment data;
  private final Map<String, Entry> entries;
  private final Map<String, String> metadata;

  private SafetensorsFile(
      Path path,
      Arena arena,
      long dataPosition,
      MemorySegment data,
      Map<String, Entry> entries,
      Map<String, String> metadata) {
    this.path = path;
    this.arena = arena;
    this.dataPosition = dataPosition;
    this.data = data;
    this.entries = entries;
    this.metadata = metadata;
  }

  /// Maps `path` and checks its header: length, JSON, dtypes, shapes, bounds, overlaps.
  ///
  /// @throws InputException if there is no such file, or it is not a whole safetensors file
  @SuppressWarnings(
      "MustBeClosedChecker") // the returned file owns the arena; failures close it here
  public static SafetensorsFile open(Path path) {
    if (!Files.exists(path)) {
      throw InputException.inFile(path, "there is no such file");
    }
    if (!Files.isRegularFile(path)) {
      throw InputException.inFile(
          path,
          (Files.isDirectory(path) ? "is a folder" : "is not a regular file")
              + ", expected a .safetensors file");
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path)) {
      MemorySegment bytes = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
      return parse(path, arena, bytes);
    } catch (NoSuchFileException e) {
      arena.close();
      throw new InputException(path + ": there is no such file", e);
    } catch (IOException e) {
      arena.close();
      throw new InputException(path + ": cannot be read (" + e.getMessage() + ")", e);
    } catch (RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  private static SafetensorsFile parse(Path path, Arena arena, MemorySegment bytes) {
    long fileSize = bytes.byteSize();
    if (fileSize < 8) {
      throw InputException.inFile(
          path,
          "not a safetensors file: it has only "
              + fileSize
              + " bytes (empty or interrupted download?)");
    }
    long headerLength = bytes.get(LITTLE_ENDIAN_LONG, 0);
    if (headerLength < 2 || headerLength > fileSize - 8 || headerLength > MAX_HEADER_BYTES) {
      throw InputException.inFile(
          path,
          "not a whole safetensors file: header length "
              + headerLength
              + " does not fit a file of "
              + fileSize
              + " bytes (truncated download, or another format?)");
    }
    JsonNode header;
    try {
      byte[] json = bytes.asSlice(8, headerLength).toArray(ValueLayout.JAVA_BYTE);
      header = JSON.readTree(new String(json, StandardCharsets.UTF_8));
    } catch (JacksonException e) {
      throw new InputException(
          path
              + ": not a safetensors file: its header is not valid JSON ("
              + e.getOriginalMessage()
              + ")",
          e);
    }
    if (!header.isObject()) {
      throw InputException.inFile(path, "not a safetensors file: its header is not a JSON object");
    }
    MemorySegment data = bytes.asSlice(8 + headerLength);
    Map<String, Entry> entries = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : header.properties()) {
      if (field.getKey().equals("__metadata__")) {
        field
            .getValue()
            .properties()
            .forEach(e ->
                metadata.put(
                    e.getKey(),
                    e.getValue().isString()
                        ? e.getValue().stringValue()
                        : e.getValue().toString()));
      } else {
        entries.put(field.getKey(), entry(path, field.getKey(), field.getValue(), data.byteSize()));
      }
    }
    checkOverlaps(path, entries.values());
    return new SafetensorsFile(
        path,
        arena,
        8 + headerLength,
        data,
        Collections.unmodifiableMap(entries),
        Collections.unmodifiableMap(metadata));
  }

  private static Entry entry(Path path, String name, JsonNode node, long dataBytes) {
    JsonNode dtypeNode = node.path("dtype");
    JsonNode shapeNode = node.path("shape");
    JsonNode offsets = node.path("data_offsets");
    if (!dtypeNode.isString()
        || !shapeNode.isArray()
        || !offsets.isArray()
        || offsets.size() != 2) {
      throw InputException.inFile(path, "tensor " + name + " lacks dtype, shape or data_offsets");
    }
    String dtype = dtypeNode.stringValue();
    SafetensorsDtype type =
        SafetensorsDtype.named(dtype)
            .orElseThrow(() ->
                InputException.inFile(path, "tensor " + name + " has the unknown dtype " + dtype));
    List<Long> shape = new ArrayList<>();
    long expected = type.elementBytes();
    for (JsonNode extent : shapeNode) {
      if (!isLong(extent) || extent.longValue() < 0) {
        throw InputException.inFile(
            path, "tensor " + name + " has the impossible shape " + shapeNode);
      }
      shape.add(extent.longValue());
      try {
        expected = Math.multiplyExact(expected, extent.longValue());
      } catch (ArithmeticException e) {
        throw new InputException(
            path + ": tensor " + name + " has the impossible shape " + shapeNode, e);
      }
    }
    if (!isLong(offsets.get(0)) || !isLong(offsets.get(1))) {
      throw InputException.inFile(
          path, "tensor " + name + " has the impossible data_offsets " + offsets);
    }
    long begin = offsets.get(0).longValue();
    long end = offsets.get(1).longValue();
    if (begin < 0 || end < begin || end > dataBytes) {
      throw InputException.inFile(
          path,
          "tensor "
              + name
              + " should lie at bytes "
              + begin
              + " to "
              + end
              + " but the file holds only "
              + dataBytes
              + " bytes of data (truncated download?)");
    }
    if (end - begin != expected) {
      throw InputException.inFile(
          path,
          "tensor "
              + name
              + " of "
              + dtype
              + shape
              + " needs "
              + expected
              + " bytes but its data_offsets span "
              + (end - begin));
    }
    return new Entry(name, dtype, List.copyOf(shape), begin, expected);
  }

  private static boolean isLong(JsonNode node) {
    return node.isIntegralNumber() && node.canConvertToLong();
  }

  private static void checkOverlaps(Path path, Iterable<Entry> entries) {
    List<Entry> sorted = new ArrayList<>();
    for (Entry entry : entries) {
      if (entry.bytes() > 0) {
        sorted.add(entry);
      }
    }
    sorted.sort(Comparator.comparingLong(Entry::offset).thenComparingLong(Entry::bytes));
    for (int i = 1; i < sorted.size(); i++) {
      Entry before = sorted.get(i - 1);
      Entry after = sorted.get(i);
      if (after.offset() < before.offset() + before.bytes()) {
        throw InputException.inFile(
            path, "tensors " + before.name() + " and " + after.name() + " overlap (damaged file)");
      }
    }
  }

  public Path path() {
    return path;
  }

  /// Tensor names in header order.
  public Set<String> names() {
    return entries.keySet();
  }

  public Map<String, Entry> entries() {
    return entries;
  }

  /// The `__metadata__` strings; empty if there are none.
  public Map<String, String> metadata() {
    return metadata;
  }

  public Entry entry(String name) {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw InputException.inFile(path, "has no tensor " + name);
    }
    return entry;
  }

  /// The tensor's bytes inside the mapping: no copy, valid until [#close].
  public MemorySegment bytes(String name) {
    Entry entry = entry(name);
    return data.asSlice(entry.offset(), entry.bytes());
  }

  /// Where the tensor's bytes are in the file.
  public FileSpan span(String name) {
    Entry entry = entry(name);
    return new FileSpan(path, dataPosition + entry.offset(), entry.bytes());
  }

  /// Everything after the header.
  public MemorySegment data() {
    return data;
  }

  /// Unmaps the file; tensors over it must not be used any more.
  @Override
  public void close() {
    arena.close();
  }
}
