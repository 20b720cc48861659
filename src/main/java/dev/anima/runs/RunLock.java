package dev.anima.runs;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/// Holds a run's files for this process. The system lets go of it when the process ends, however it
/// ends, so no stale lock is left behind.
final class RunLock implements AutoCloseable {
  private final Path file;
  private final FileChannel channel;

  private RunLock(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /// @throws InputException if another run holds it
  static RunLock take(Path file, Path run) {
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      if (tryLock(channel) == null) {
        channel.close();
        throw new InputException(
            "%s: another run is writing there now\n  -> wait for it, or give another --output_name or --output_dir"
                .formatted(run));
      }
      channel.truncate(0);
      channel.write(
          ByteBuffer.wrap(
              Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.UTF_8)));
      return new RunLock(file, channel);
    } catch (IOException e) {
      throw new InputException(
          "--output_dir: %s cannot be written to (%s)".formatted(file, e.getMessage()), e);
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // another run of this process
    }
  }

  /// Removes the file while it is still held, then lets go.
  @Override
  public void close() {
    try (channel) {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // Windows refuses to delete an open file: an empty lock file stays, which harms nothing.
    }
  }
}
