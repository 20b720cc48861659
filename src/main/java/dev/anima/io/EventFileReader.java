package dev.anima.io;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Reads TensorBoard event files, also while they are being written: a record that is not whole yet
/// is left for the next time.
public final class EventFileReader {
  private static final int MAX_RECORD_BYTES = 1 << 28;
  private static final String TEXT_SUFFIX = "/text_summary";

  private EventFileReader() {}

  /// Something that a run logged.
  public sealed interface Event {
    /// Seconds since 1970.
    double wallTime();

    String tag();

    long step();

    record Scalar(double wallTime, String tag, long step, float value) implements Event {}

    record Text(double wallTime, String tag, long step, String text) implements Event {}

    /// @param png the encoded file
    record Picture(double wallTime, String tag, long step, int width, int height, ByteBuffer png)
        implements Event {}
  }

  /// Events read, and where to go on reading.
  ///
  /// @param nextOffset to be given to the next call; behind the last whole record
  public record Chunk(List<Event> events, long nextOffset) {
    public Chunk {
      events = List.copyOf(events);
    }
  }

  /// All events of the file.
  ///
  /// @throws InputException if there is no such file or it is not an event file
  public static List<Event> read(Path file) {
    return readFrom(file, 0).events();
  }

  /// The events from the record at `offset` on.
  ///
  /// @param offset 0 or what an earlier call returned
  public static Chunk readFrom(Path file, long offset) {
    if (Files.isDirectory(file)) {
      throw InputException.inFile(file, "is a folder, expected an event file");
    }
    List<Event> events = new ArrayList<>();
    long at = offset;
    try (FileChannel channel = FileChannel.open(file)) {
      while (true) {
        Optional<ByteBuffer> record = record(file, channel, at);
        if (record.isEmpty()) {
          return new Chunk(events, at);
        }
        at += EventRecords.PREFIX_BYTES + record.get().remaining() + EventRecords.SUFFIX_BYTES;
        decode(record.get(), events);
      }
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      throw new InputException(damaged(file, at), e);
    } catch (NoSuchFileException e) {
      throw new InputException(file + ": there is no such file", e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  /// The numbers of each tag, in file order.
  public static Map<String, List<Event.Scalar>> scalars(Path file) {
    Map<String, List<Event.Scalar>> byTag = new LinkedHashMap<>();
    for (Event event : read(file)) {
      if (event instanceof Event.Scalar scalar) {
        byTag.computeIfAbsent(scalar.tag(), _ -> new ArrayList<>()).add(scalar);
      }
    }
    return byTag;
  }

  private static Optional<ByteBuffer> record(Path file, FileChannel channel, long at)
      throws IOException {
    ByteBuffer prefix = bytes(channel, at, EventRecords.PREFIX_BYTES);
    if (prefix.remaining() < EventRecords.PREFIX_BYTES) {
      return Optional.empty();
    }
    long length = prefix.getLong(0);
    if (length < 0
        || length > MAX_RECORD_BYTES
        || prefix.getInt(Long.BYTES) != EventRecords.maskedCrc(prefix.slice(0, Long.BYTES))) {
      throw new InputException(damaged(file, at));
    }
    long dataAt = at + EventRecords.PREFIX_BYTES;
    ByteBuffer data = bytes(channel, dataAt, (int) length + EventRecords.SUFFIX_BYTES);
    if (data.remaining() < length + EventRecords.SUFFIX_BYTES) {
      return Optional.empty();
    }
    ByteBuffer record = data.slice(0, (int) length);
    if (data.getInt((int) length) != EventRecords.maskedCrc(record.duplicate())) {
      throw new InputException(damaged(file, at));
    }
    return Optional.of(record);
  }

  private static ByteBuffer bytes(FileChannel channel, long at, int length) throws IOException {
    int present = Math.clamp(channel.size() - at, 0, length);
    ByteBuffer buffer = ByteBuffer.allocate(present).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining() && channel.read(buffer, at + buffer.position()) >= 0) {
      // on to the rest
    }
    return buffer.flip();
  }

  private static String damaged(Path file, long at) {
    return file + ": not an event file, or damaged (record at byte " + at + ")";
  }

  private static void decode(ByteBuffer record, List<Event> events) {
    double wallTime = 0;
    long step = 0;
    List<ProtoReader> values = new ArrayList<>();
    ProtoReader event = new ProtoReader(record);
    for (int field = event.nextField(); field != 0; field = event.nextField()) {
      switch (field) {
        case 1 -> wallTime = event.fixedDouble();
        case 2 -> step = event.varint();
        case 5 -> {
          ProtoReader summary = event.message();
          while (summary.nextField() != 0) {
            values.add(summary.message());
          }
        }
        default -> {} // file version, graphs, session marks
      }
    }
    for (ProtoReader value : values) {
      decodeValue(value, wallTime, step).ifPresent(events::add);
    }
  }

  private static Optional<Event> decodeValue(ProtoReader value, double wallTime, long step) {
    String tag = "";
    Event event = null;
    // the tag is field 1 and comes first, as every writer orders fields by number
    for (int field = value.nextField(); field != 0; field = value.nextField()) {
      switch (field) {
        case 1 -> tag = value.string();
        case 2 -> event = new Event.Scalar(wallTime, tag, step, value.fixedFloat());
        case 4 -> event = picture(value.message(), wallTime, tag, step);
        case 8 -> event = text(value.message(), wallTime, tag, step);
        default -> {} // histograms, audio, metadata
      }
    }
    return Optional.ofNullable(event);
  }

  private static Event picture(ProtoReader image, double wallTime, String tag, long step) {
    int width = 0;
    int height = 0;
    ByteBuffer png = ByteBuffer.allocate(0);
    for (int field = image.nextField(); field != 0; field = image.nextField()) {
      switch (field) {
        case 1 -> height = (int) image.varint();
        case 2 -> width = (int) image.varint();
        case 4 -> png = image.bytes();
        default -> {} // the number of channels is in the PNG
      }
    }
    return new Event.Picture(wallTime, tag, step, width, height, png.asReadOnlyBuffer());
  }

  /// The first string of a tensor; null if it holds none.
  private static @Nullable Event text(ProtoReader tensor, double wallTime, String tag, long step) {
    for (int field = tensor.nextField(); field != 0; field = tensor.nextField()) {
      if (field == 8) {
        String name =
            tag.endsWith(TEXT_SUFFIX) ? tag.substring(0, tag.length() - TEXT_SUFFIX.length()) : tag;
        return new Event.Text(wallTime, name, step, tensor.string());
      }
    }
    return null;
  }
}
