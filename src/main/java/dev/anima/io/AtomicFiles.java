package dev.anima.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;

/// Files that are either the old one or the new one, never half of one.
///
/// The content goes to a temporary file in the same folder, is synced to the disk and then renamed
/// over the target. Kill the process, pull the plug or fill the disk at any moment: under the
/// target's name there is a whole file.
public final class AtomicFiles {
  /// Hidden, so that no folder listing for images or captions picks up a left-over.
  private static final String TEMPORARY_PREFIX = ".anima-";

  private static final String TEMPORARY_SUFFIX = ".tmp";

  /// Bytes handed to the file system at a time; also keeps a segment's view below 2 GiB.
  private static final long WRITE_BYTES = 1L << 26;

  private static final int RENAME_ATTEMPTS = 20;
  private static final long RENAME_PAUSE_MILLIS = 50;

  private AtomicFiles() {}

  /// What goes into the file.
  @FunctionalInterface
  public interface Content {
    /// Writes everything to `channel`, which is empty and positioned at 0.
    void writeTo(FileChannel channel) throws IOException;
  }

  /// Writes `target` anew or replaces it. A symbolic link stays one: the file it points to is
  /// replaced.
  ///
  /// @throws InputException if the folder does not exist or may not be written to
  /// @throws RunFailedException if the disk is full or fails; an older file of that name is
  ///   untouched
  public static void write(Path target, Content content) {
    Path file = target;
    try {
      file = Files.isSymbolicLink(target) ? target.toRealPath() : target.toAbsolutePath();
    } catch (IOException e) {
      throw new InputException(target + ": is a link to a file that does not exist", e);
    }
    if (Files.isDirectory(file)) {
      throw InputException.inFile(target, "is a folder, a file cannot be written in its place");
    }
    Path folder = folderOf(file);
    Path temporary = temporaryIn(folder);
    try (FileChannel channel = create(temporary, folder)) {
      content.writeTo(channel);
      channel.force(true);
    } catch (IOException e) {
      discard(temporary);
      throw notWritten(target, e);
    } catch (RuntimeException | Error e) {
      discard(temporary);
      throw e;
    }
    try {
      rename(temporary, file);
    } catch (IOException e) {
      discard(temporary);
      throw notWritten(target, e);
    }
    syncFolder(folder);
  }

  public static void write(Path target, byte[] bytes) {
    write(target, channel -> writeFully(channel, ByteBuffer.wrap(bytes)));
  }

  /// Writes `text` as UTF-8 without a byte order mark, line ends as they are.
  public static void writeString(Path target, String text) {
    write(target, text.getBytes(StandardCharsets.UTF_8));
  }

  /// Writes all of `bytes`, of any length, at the channel's position.
  static void writeFully(FileChannel channel, MemorySegment bytes) throws IOException {
    for (long at = 0; at < bytes.byteSize(); at += WRITE_BYTES) {
      long length = Math.min(WRITE_BYTES, bytes.byteSize() - at);
      writeFully(channel, bytes.asSlice(at, length).asByteBuffer());
    }
  }

  static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static Path folderOf(Path file) {
    Path folder = file.getParent();
    if (folder == null) {
      throw InputException.inFile(file, "is not a file name");
    }
    if (!Files.exists(folder)) {
      throw InputException.inFile(folder, "there is no such folder");
    }
    if (!Files.isDirectory(folder)) {
      throw InputException.inFile(folder, "is a file, expected a folder");
    }
    return folder;
  }

  private static Path temporaryIn(Path folder) {
    long random = ThreadLocalRandom.current().nextLong();
    return folder.resolve(TEMPORARY_PREFIX + Long.toHexString(random) + TEMPORARY_SUFFIX);
  }

  private static FileChannel create(Path temporary, Path folder) throws IOException {
    try {
      return FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } catch (AccessDeniedException e) {
      throw new InputException(folder + ": no permission to write into this folder", e);
    } catch (NoSuchFileException e) {
      throw new InputException(folder + ": there is no such folder", e);
    } catch (IOException e) {
      if (isReadOnly(e)) {
        throw new InputException(folder + ": this folder is on a read-only disk", e);
      }
      throw e;
    }
  }

  /// On Windows a virus scanner or an indexer may hold the target open for a moment.
  private static void rename(Path temporary, Path file) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        Files.move(
            temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        return;
      } catch (AccessDeniedException e) {
        if (attempt == RENAME_ATTEMPTS) {
          throw e;
        }
        pause();
      }
    }
  }

  private static void pause() throws IOException {
    try {
      Thread.sleep(RENAME_PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting to rename", e);
    }
  }

  /// Makes the rename itself durable where the system lets a folder be opened (not on Windows).
  private static void syncFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException _) {
      // The file's own bytes are synced; at worst a power cut brings the old file back, whole.
    }
  }

  private static void discard(Path temporary) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException _) {
      // The failure that brought us here is the one to report.
    }
  }

  private static RunFailedException notWritten(Path target, IOException cause) {
    String before = Files.exists(target) ? "; the file that was there before is unchanged" : "";
    if (isDiskFull(cause)) {
      return new RunFailedException(
          target + ": could not be written, the disk is full" + freeSpace(target) + before, cause);
    }
    return new RunFailedException(
        target + ": could not be written (" + cause.getMessage() + ")" + before, cause);
  }

  private static String freeSpace(Path target) {
    try {
      Path folder = folderOf(target.toAbsolutePath());
      long mebibytes = Files.getFileStore(folder).getUsableSpace() >> 20;
      return " (" + mebibytes + " MiB free in " + folder + ")";
    } catch (IOException _) {
      return "";
    }
  }

  private static boolean isDiskFull(IOException e) {
    String message = lowerCaseMessage(e);
    return message.contains("no space left")
        || message.contains("not enough space")
        || message.contains("quota exceeded");
  }

  private static boolean isReadOnly(IOException e) {
    return lowerCaseMessage(e).contains("read-only file system");
  }

  private static String lowerCaseMessage(IOException e) {
    String message = e.getMessage();
    return message == null ? "" : message.toLowerCase(Locale.ROOT);
  }
}
