package dev.anima.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// The hashes by which trainers and user interfaces name model files.
public final class FileHashes {
  /// Where the hashed window of the short hash begins and how long it is.
  static final long WINDOW_OFFSET = 0x100000;

  static final long WINDOW_BYTES = 0x10000;
  static final int SHORT_DIGITS = 8;

  private static final int READ_BYTES = 1 << 20;

  private FileHashes() {}

  /// SHA-256 of the whole file, 64 lower-case hex digits (`ss_new_sd_model_hash`).
  ///
  /// @throws InputException if there is no such file or it cannot be read
  public static String sha256(Path file) {
    return hash(file, 0, Long.MAX_VALUE);
  }

  /// First 8 hex digits of the SHA-256 over the 65536 bytes at offset 1 MiB (`ss_sd_model_hash`).
  /// `e3b0c442`, the hash of nothing, for a file of at most 1 MiB.
  ///
  /// @throws InputException if there is no such file or it cannot be read
  public static String modelHash(Path file) {
    return hash(file, WINDOW_OFFSET, WINDOW_BYTES).substring(0, SHORT_DIGITS);
  }

  private static String hash(Path file, long offset, long length) {
    if (Files.isDirectory(file)) {
      throw InputException.inFile(file, "is a folder, expected a file");
    }
    MessageDigest digest = sha256();
    try (FileChannel channel = FileChannel.open(file)) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(READ_BYTES);
      long left = length;
      long at = offset;
      while (left > 0) {
        buffer.clear().limit((int) Math.min(READ_BYTES, left));
        int read = channel.read(buffer, at);
        if (read < 0) {
          break;
        }
        digest.update(buffer.flip());
        at += read;
        left -= read;
      }
    } catch (NoSuchFileException e) {
      throw new InputException(file + ": there is no such file", e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
    return hex(digest);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  static void update(MessageDigest digest, MemorySegment bytes) {
    for (long at = 0; at < bytes.byteSize(); at += READ_BYTES) {
      long length = Math.min(READ_BYTES, bytes.byteSize() - at);
      digest.update(bytes.asSlice(at, length).asByteBuffer());
    }
  }

  static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest());
  }
}
