package dev.anima.tag;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Optional;
import java.util.Set;

/// Whether a person protected a file. An atomic write would not notice: it replaces the file, for
/// which the folder's permission is enough.
final class WriteProtection {
  private static final Set<PosixFilePermission> WRITE =
      Set.of(
          PosixFilePermission.OWNER_WRITE,
          PosixFilePermission.GROUP_WRITE,
          PosixFilePermission.OTHERS_WRITE);

  private WriteProtection() {}

  /// Why `file` must not be written, if it must not; with its name.
  static Optional<String> of(Path file) {
    if (Files.isDirectory(file)) {
      return Optional.of(file + ": is a folder, expected a caption file");
    }
    Path folder = file.toAbsolutePath().getParent();
    if (Files.exists(file) && isProtected(file)) {
      return Optional.of(file + ": is read-only, so it was left alone");
    }
    return folder != null && isProtected(folder)
        ? Optional.of(file + ": its folder is read-only, so nothing was written")
        : Optional.empty();
  }

  private static boolean isProtected(Path path) {
    if (!Files.isWritable(path)) {
      return true;
    }
    try { // the administrator may write everything, but should not either
      Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(path);
      return permissions.stream().noneMatch(WRITE::contains);
    } catch (IOException | UnsupportedOperationException _) {
      return false; // Windows: isWritable has told
    }
  }
}
