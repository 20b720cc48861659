package dev.anima.captions;

import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.InflaterInputStream;
import org.jspecify.annotations.Nullable;

/// The list of everything that was done to the captions of a data set, in one file that only grows.
///
/// A record is on the disk before the first caption file is written, with the old and the new
/// content of each; `WRITTEN` follows when all are. So whatever happens in between, the next start
/// knows what is missing. A record is 16 bytes (magic, length of its head, length of its changes,
/// CRC-32 of both) and then head and changes, the latter deflated. A record that was cut off by a
/// crash is the last one, and is dropped.
final class Journal {
  /// What is larger loses its oldest half.
  static final long LIMIT_BYTES = 200L << 20;

  private static final int MAGIC = 0x414e4a31; // "ANJ1"
  private static final int FIXED_BYTES = 16;
  private static final int MOST_HEAD_BYTES = 1 << 20;

  enum Kind {
    EDIT('E'),
    UNDO('U'),
    REDO('R'),
    /// All files of an operation are written.
    WRITTEN('W');

    private final char letter;

    Kind(char letter) {
      this.letter = letter;
    }

    private static Kind of(int letter) throws IOException {
      for (Kind kind : values()) {
        if (kind.letter == letter) {
          return kind;
        }
      }
      throw new IOException("a record of kind " + letter);
    }
  }

  /// @param of id of the operation that is undone, done again or written; 0 for an edit
  /// @param files caption files it changes
  /// @param start where the record begins
  record Entry(
      long id,
      Kind kind,
      long of,
      String name,
      String description,
      Instant time,
      int files,
      long start,
      long end) {}

  /// @param path below the root of the data set, with `/`; else absolute
  /// @param was null if there was no file
  /// @param will null if the file is deleted
  record FileChange(String path, @Nullable Bytes was, @Nullable Bytes will) {}

  private final Path file;
  private final long limitBytes;
  private final List<Entry> entries = new ArrayList<>();

  private Journal(Path file, long limitBytes) {
    this.file = file;
    this.limitBytes = limitBytes;
  }

  /// Reads what is there; a missing file is an empty journal.
  ///
  /// @throws InputException if it is no journal
  static Journal open(Path file) {
    return open(file, LIMIT_BYTES);
  }

  static Journal open(Path file, long limitBytes) {
    Journal journal = new Journal(file, limitBytes);
    if (Files.exists(file)) {
      try (FileChannel channel = FileChannel.open(file)) {
        journal.scan(channel);
      } catch (IOException e) {
        throw new InputException(file + ": cannot be read (" + e + ")", e);
      }
    }
    return journal;
  }

  private void scan(FileChannel channel) throws IOException {
    long at = 0;
    while (at + FIXED_BYTES <= channel.size()) {
      ByteBuffer fixed = read(channel, at, FIXED_BYTES);
      int magic = fixed.getInt();
      int headBytes = fixed.getInt();
      int changeBytes = fixed.getInt();
      long end = at + FIXED_BYTES + headBytes + (long) changeBytes;
      boolean whole =
          magic == MAGIC
              && headBytes > 0
              && headBytes <= MOST_HEAD_BYTES
              && changeBytes >= 0
              && end <= channel.size();
      if (!whole) {
        break; // cut off while it was written
      }
      if (end == channel.size() && !isIntact(channel, at, end)) {
        break;
      }
      entries.add(head(read(channel, at + FIXED_BYTES, headBytes).array(), at, end));
      at = end;
    }
    if (at == 0 && channel.size() >= FIXED_BYTES && read(channel, 0, 4).getInt() != MAGIC) {
      throw InputException.inFile(
          file, "is no journal of caption edits; move it away to start a new history");
    }
  }

  private static boolean isIntact(FileChannel channel, long start, long end) throws IOException {
    ByteBuffer fixed = read(channel, start, FIXED_BYTES);
    CRC32 crc = new CRC32();
    crc.update(
        read(channel, start + FIXED_BYTES, Math.toIntExact(end - start - FIXED_BYTES)).array());
    return (int) crc.getValue() == fixed.getInt(12);
  }

  private static ByteBuffer read(FileChannel channel, long at, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, at + buffer.position()) < 0) {
        throw new IOException("ends too early");
      }
    }
    return buffer.flip();
  }

  private static Entry head(byte[] bytes, long start, long end) throws IOException {
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
    return new Entry(
        in.readLong(),
        Kind.of(in.readUnsignedByte()),
        in.readLong(),
        in.readUTF(),
        in.readUTF(),
        Instant.ofEpochMilli(in.readLong()),
        in.readInt(),
        start,
        end);
  }

  /// In the order they were made, `WRITTEN` among them.
  List<Entry> entries() {
    return List.copyOf(entries);
  }

  /// Appends a record; it is on the disk when this returns.
  ///
  /// @throws RunFailedException if the disk is full or fails; nothing was recorded then
  Entry append(
      Kind kind, long of, String name, String description, Instant now, List<FileChange> changes) {
    Instant time = now.truncatedTo(ChronoUnit.MILLIS);
    try {
      shorten();
      long id = entries.isEmpty() ? 1 : entries.getLast().id() + 1;
      byte[] head = head(id, kind, of, name, description, time, changes.size());
      byte[] body = body(changes);
      CRC32 crc = new CRC32();
      crc.update(head);
      crc.update(body);
      ByteBuffer record = ByteBuffer.allocate(FIXED_BYTES + head.length + body.length);
      record.putInt(MAGIC).putInt(head.length).putInt(body.length).putInt((int) crc.getValue());
      record.put(head).put(body).flip();
      long start = entries.isEmpty() ? 0 : entries.getLast().end();
      long end = start + record.limit();
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        channel.truncate(start); // what a crash left
        while (record.hasRemaining()) {
          channel.write(record, start + record.position());
        }
        channel.force(true);
      }
      Entry entry = new Entry(id, kind, of, name, description, time, changes.size(), start, end);
      entries.add(entry);
      return entry;
    } catch (IOException e) {
      throw new RunFailedException(
          file + ": the edit could not be recorded, so no caption was changed (" + e + ")", e);
    }
  }

  private static byte[] head(
      long id, Kind kind, long of, String name, String description, Instant time, int files)
      throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeLong(id);
      out.writeByte(kind.letter);
      out.writeLong(of);
      out.writeUTF(name);
      out.writeUTF(description.substring(0, Math.min(2000, description.length())));
      out.writeLong(time.toEpochMilli());
      out.writeInt(files);
    }
    return bytes.toByteArray();
  }

  private static byte[] body(List<FileChange> changes) throws IOException {
    if (changes.isEmpty()) {
      return new byte[0];
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Deflater deflater = new Deflater(Deflater.BEST_SPEED);
    try (DataOutputStream out =
        new DataOutputStream(new DeflaterOutputStream(bytes, deflater, 1 << 16))) {
      for (FileChange change : changes) {
        out.writeUTF(change.path());
        write(out, change.was());
        write(out, change.will());
      }
    } finally {
      deflater.end();
    }
    return bytes.toByteArray();
  }

  private static void write(DataOutputStream out, @Nullable Bytes bytes) throws IOException {
    out.writeInt(bytes == null ? -1 : bytes.data().length);
    if (bytes != null) {
      out.write(bytes.data());
    }
  }

  /// The files of a record.
  ///
  /// @throws RunFailedException if the record is damaged
  List<FileChange> changes(Entry entry) {
    try (FileChannel channel = FileChannel.open(file)) {
      if (!isIntact(channel, entry.start(), entry.end())) {
        throw new RunFailedException(
            "%s: the record of operation %d is damaged".formatted(file, entry.id()));
      }
      ByteBuffer fixed = read(channel, entry.start(), FIXED_BYTES);
      int headBytes = fixed.getInt(4);
      int bodyBytes = fixed.getInt(8);
      byte[] body = read(channel, entry.start() + FIXED_BYTES + headBytes, bodyBytes).array();
      List<FileChange> changes = new ArrayList<>();
      try (DataInputStream in =
          new DataInputStream(new InflaterInputStream(new ByteArrayInputStream(body)))) {
        for (int i = 0; i < entry.files(); i++) {
          changes.add(new FileChange(in.readUTF(), bytes(in), bytes(in)));
        }
      }
      return changes;
    } catch (IOException e) {
      throw new RunFailedException(
          "%s: operation %d cannot be read (%s)".formatted(file, entry.id(), e), e);
    }
  }

  private static @Nullable Bytes bytes(DataInputStream in) throws IOException {
    int length = in.readInt();
    return length < 0 ? null : Bytes.of(in.readNBytes(length));
  }

  /// Drops the oldest records of a journal that grew too large.
  private void shorten() throws IOException {
    long size = entries.isEmpty() ? 0 : entries.getLast().end();
    if (size <= limitBytes) {
      return;
    }
    int first = 0;
    while (first < entries.size() - 1 && size - entries.get(first).start() > limitBytes / 2) {
      first++;
    }
    long from = entries.get(first).start();
    Path shorter = file.resolveSibling(file.getFileName() + ".new");
    try (FileChannel in = FileChannel.open(file);
        FileChannel out =
            FileChannel.open(
                shorter,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
      long at = from;
      while (at < size) {
        at += in.transferTo(at, size - at, out);
      }
      out.force(true);
    }
    Files.move(shorter, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    List<Entry> kept = List.copyOf(entries.subList(first, entries.size()));
    entries.clear();
    for (Entry e : kept) {
      entries.add(
          new Entry(
              e.id(),
              e.kind(),
              e.of(),
              e.name(),
              e.description(),
              e.time(),
              e.files(),
              e.start() - from,
              e.end() - from));
    }
  }
}
