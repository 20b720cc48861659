package dev.anima.io;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/// Reads parts of files into memory that is there already. The files stay open, so one that is
/// replaced meanwhile is still read as it was.
///
/// Reading puts no pages of the file into this process, unlike a mapping; and what goes wrong is an
/// [IOException] where a mapping would fault.
public final class SpanReader implements AutoCloseable {
  /// A buffer holds no more than an int counts.
  private static final long LARGEST_READ = 1 << 30;

  private final Map<Path, FileChannel> channels = new HashMap<>();

  /// Opens the file of a span to be read later.
  ///
  /// @throws InputException if it cannot be opened
  public void open(FileSpan span) {
    if (!channels.containsKey(span.file())) {
      try {
        channels.put(span.file(), FileChannel.open(span.file()));
      } catch (IOException e) {
        throw new InputException(span.file() + ": cannot be read (" + e.getMessage() + ")", e);
      }
    }
  }

  /// Fills `target` from the bytes of `span` that begin at `offset`; the file must be open.
  ///
  /// @throws IOException if it cannot be read, or is shorter than it was
  public void read(FileSpan span, long offset, MemorySegment target) throws IOException {
    FileChannel channel = channels.get(span.file());
    if (channel == null) {
      throw new IllegalStateException(span.file() + " is not open");
    }
    long done = 0;
    while (done < target.byteSize()) {
      long length = Math.min(LARGEST_READ, target.byteSize() - done);
      ByteBuffer buffer = target.asSlice(done, length).asByteBuffer();
      while (buffer.hasRemaining()) {
        long position = span.position() + offset + done + buffer.position();
        if (channel.read(buffer, position) < 0) {
          throw new EOFException("it ends at byte " + position);
        }
      }
      done += length;
    }
  }

  @Override
  public void close() {
    for (FileChannel channel : channels.values()) {
      try {
        channel.close();
      } catch (IOException e) {
        throw new IllegalStateException("closing a file that was only read failed", e);
      }
    }
    channels.clear();
  }
}
