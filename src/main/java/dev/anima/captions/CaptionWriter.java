package dev.anima.captions;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Writes one caption file so that there is always a whole one: a temporary neighbour is filled and
/// renamed over it. Permissions stay; a link stays a link.
final class CaptionWriter {
  private static final String PREFIX = ".anima-caption-";
  private static final String SUFFIX = ".tmp";
  private static final int RENAME_ATTEMPTS = 40;
  private static final long RENAME_PAUSE_MILLIS = 50;

  private static volatile @Nullable Set<PosixFilePermission> usualPermissions;

  private CaptionWriter() {}

  /// @param synced whether to wait until the bytes are on the disk
  static void write(Path file, Bytes content, boolean synced) throws IOException {
    Optional<PosixFileAttributes> present = attributes(file);
    boolean link =
        present
            .map(PosixFileAttributes::isSymbolicLink)
            .orElseGet(() -> Files.isSymbolicLink(file));
    if (link) {
      write(file.toRealPath(), content, synced);
      return;
    }
    Path target = file;
    Path temporary =
        target.resolveSibling(
            PREFIX + Long.toHexString(ThreadLocalRandom.current().nextLong()) + SUFFIX);
    try {
      try (FileChannel channel =
          FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(content.data());
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        if (synced) {
          channel.force(true);
        }
      }
      if (present.isPresent()) {
        keepPermissions(present.get().permissions(), temporary);
      }
      rename(temporary, target);
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
  }

  private static void keepPermissions(Set<PosixFilePermission> wanted, Path temporary)
      throws IOException {
    Set<PosixFilePermission> usual = usualPermissions;
    if (usual == null) {
      usual = // what this process gives to every new file
          attributes(temporary).map(PosixFileAttributes::permissions).orElse(Set.of());
      usualPermissions = usual;
    }
    if (!wanted.equals(usual)) {
      Files.setPosixFilePermissions(temporary, wanted);
    }
  }

  /// Empty for a new file, and on a system without permissions.
  private static Optional<PosixFileAttributes> attributes(Path file) {
    try {
      return Optional.of(
          Files.readAttributes(file, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS));
    } catch (IOException | UnsupportedOperationException _) {
      return Optional.empty();
    }
  }

  /// On Windows another program may hold the file open for a moment.
  private static void rename(Path temporary, Path target) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        Files.move(
            temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        return;
      } catch (AccessDeniedException e) {
        if (attempt == RENAME_ATTEMPTS) {
          throw e;
        }
        try {
          Thread.sleep(RENAME_PAUSE_MILLIS);
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          throw new IOException("interrupted while waiting to rename", interrupted);
        }
      }
    }
  }

  /// Deletes what killed programs left in a folder.
  static void cleanUp(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        String name = String.valueOf(file.getFileName());
        if (name.startsWith(PREFIX) && name.endsWith(SUFFIX)) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException _) {
      // A hidden left-over does no harm.
    }
  }
}
