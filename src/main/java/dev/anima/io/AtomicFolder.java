package dev.anima.io;

import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;

/// Folders of files that belong together: under the name there is the whole old folder or the whole
/// new one.
///
/// The files are written into a hidden folder beside the target, each synced, then the folder is
/// renamed. Between moving an old folder away and the new one in lie two renames; a power cut there
/// leaves the old folder, whole, under its hidden name.
public final class AtomicFolder {
  private AtomicFolder() {}

  /// Makes `target` anew or replaces it.
  ///
  /// @param content writes all files into the folder it is given, with [AtomicFiles]
  /// @throws InputException if the parent does not exist or may not be written to
  /// @throws RunFailedException if the disk is full or fails; an older folder of that name is
  ///   untouched
  public static void write(Path target, Consumer<Path> content) {
    Path folder = target.toAbsolutePath();
    Path fresh = hiddenBeside(folder);
    try {
      Files.createDirectory(fresh);
    } catch (IOException e) {
      throw new InputException(folder.getParent() + ": no folder can be made here", e);
    }
    try {
      content.accept(fresh);
      replace(folder, fresh);
    } catch (IOException e) {
      discard(fresh);
      throw new RunFailedException(target + ": could not be written (" + e.getMessage() + ")", e);
    } catch (RuntimeException | Error e) {
      discard(fresh);
      throw e;
    }
  }

  private static void replace(Path folder, Path fresh) throws IOException {
    if (!Files.exists(folder)) {
      move(fresh, folder);
      return;
    }
    Path old = hiddenBeside(folder);
    move(folder, old);
    try {
      move(fresh, folder);
    } catch (IOException e) {
      move(old, folder);
      throw e;
    }
    discard(old);
  }

  private static void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException _) {
      Files.move(from, to);
    }
  }

  /// Deletes a folder of plain files, as far as that is possible.
  ///
  /// @return whether it is gone
  public static boolean discard(Path folder) {
    try (Stream<Path> listing = Files.list(folder)) {
      List<Path> files = listing.toList();
      for (Path file : files) {
        Files.delete(file);
      }
      Files.delete(folder);
      return true;
    } catch (IOException _) {
      return false;
    }
  }

  private static Path hiddenBeside(Path folder) {
    long random = ThreadLocalRandom.current().nextLong();
    return folder.resolveSibling(".anima-" + Long.toHexString(random) + ".tmp");
  }
}
