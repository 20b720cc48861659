package dev.anima.cli.setup;

import dev.anima.cli.Console;
import dev.anima.io.Checksum;
import dev.anima.io.Download;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/// A folder with the libraries of all pinned wheels: it appears whole or not at all.
///
/// Wheels are fetched and unpacked into a neighbour, `FOLDER.part`, which is renamed at the end. A
/// killed setup leaves the neighbour, and the next one goes on in it: finished wheels are listed in
/// its `wheels.txt`, an unfinished one lies there as a file.
///
/// @param target the folder to make
/// @param freeBytes room on the disk of a path
record LibraryFolder(Path target, ToLongFunction<Path> freeBytes) {
  /// What is unpacked, one `SHA-256 FILE` a line; also tells our folder from somebody else's.
  private static final String RECEIPT = "wheels.txt";

  private static final String LOCK = ".lock";

  /// Told what happens, in bytes of wheels.
  @FunctionalInterface
  interface Listener {
    void at(long doneBytes, String wheel);
  }

  /// Whether the libraries of exactly these wheels are there.
  boolean holds(List<Wheel> wheels) {
    try {
      return Files.exists(target.resolve(RECEIPT))
          && Files.readAllLines(target.resolve(RECEIPT))
              .equals(wheels.stream().map(LibraryFolder::receipt).toList());
    } catch (IOException _) {
      return false;
    }
  }

  /// Makes the folder.
  ///
  /// @throws InputException if the folder is somebody else's or cannot be written to, or the source
  ///   lacks a wheel
  /// @throws RunFailedException if the disk is full or a wheel is not right
  void fill(List<Wheel> wheels, WheelSource source, Listener listener) {
    refuseForeign();
    Path part = target.resolveSibling(target.getFileName() + ".part");
    try {
      Files.createDirectories(part);
      Path lockFile = part.resolve(LOCK);
      try (FileChannel channel =
              FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock _ = lock(channel, part)) {
        fill(part, wheels, source, listener);
      }
      Files.delete(lockFile);
      replaceTarget(part);
    } catch (AccessDeniedException | FileAlreadyExistsException e) {
      throw new InputException(target + ": cannot be written to (" + e.getMessage() + ")", e);
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private void fill(Path part, List<Wheel> wheels, WheelSource source, Listener listener)
      throws IOException {
    List<String> done = resumable(part, wheels);
    long doneBytes = 0;
    for (Wheel wheel : wheels) {
      if (!done.contains(receipt(wheel))) {
        add(wheel, part, source, doneBytes, listener);
      }
      doneBytes += wheel.bytes();
      listener.at(doneBytes, wheel.project());
    }
  }

  private void add(Wheel wheel, Path part, WheelSource source, long doneBytes, Listener listener)
      throws IOException {
    Path file = part.resolve(wheel.file());
    long had = Files.exists(file) ? Files.size(file) : 0;
    requireRoom(wheel.bytes() - had, part, wheel);
    new Download(
            new Download.Goal(
                wheel.file(), wheel.bytes(), Optional.of(Checksum.sha256(wheel.sha256()))),
            from -> source.open(wheel, from),
            source instanceof SimpleIndex,
            file,
            at -> listener.at(doneBytes + at, wheel.project()))
        .fetch();
    requireRoom(WheelLibraries.bytes(file), part, wheel);
    WheelLibraries.unpack(file, part);
    Files.writeString(
        part.resolve(RECEIPT),
        receipt(wheel) + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
    Files.delete(file);
  }

  /// The wheels that an earlier setup finished, in order; starts anew if it was for others.
  private static List<String> resumable(Path part, List<Wheel> wheels) throws IOException {
    Path receipt = part.resolve(RECEIPT);
    List<String> done = Files.exists(receipt) ? Files.readAllLines(receipt) : List.of();
    List<String> wanted = wheels.stream().map(LibraryFolder::receipt).toList();
    if (done.size() <= wanted.size() && wanted.subList(0, done.size()).equals(done)) {
      return done;
    }
    try (Stream<Path> files = Files.list(part)) {
      for (Path file : files.filter(f -> !f.endsWith(LOCK)).toList()) {
        Files.delete(file);
      }
    }
    return List.of();
  }

  private static String receipt(Wheel wheel) {
    return wheel.sha256() + " " + wheel.file();
  }

  private void replaceTarget(Path part) throws IOException {
    if (Files.exists(target)) {
      delete(target); // the set of an older program, or an empty folder
    }
    Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private void refuseForeign() {
    if (!Files.exists(target) || Files.exists(target.resolve(RECEIPT))) {
      return;
    }
    if (!Files.isDirectory(target)) {
      throw new InputException("--to: " + target + " is a file, expected a folder");
    }
    try (Stream<Path> files = Files.list(target)) {
      if (files.findAny().isPresent()) {
        throw new InputException(
            "--to: "
                + target
                + " holds files that anima setup did not put there; name a new or an empty folder");
      }
    } catch (IOException e) {
      throw new InputException("--to: " + target + " cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static FileLock lock(FileChannel channel, Path part) throws IOException {
    try {
      FileLock lock = channel.tryLock();
      if (lock != null) {
        return lock;
      }
    } catch (OverlappingFileLockException _) {
      // the same answer
    }
    throw new InputException(part + ": another anima setup is at work there; wait for it");
  }

  private void requireRoom(long bytes, Path part, Wheel wheel) {
    long free = freeBytes.applyAsLong(part);
    if (free < bytes) {
      throw new RunFailedException(
          target
              + ": "
              + wheel.project()
              + " needs "
              + Console.bytes(bytes)
              + ", the disk has "
              + Console.bytes(free)
              + " left; make room and give the same command again, or name another disk with --to");
    }
  }

  private RunFailedException failed(IOException e) {
    String message = Objects.toString(e.getMessage(), e.getClass().getSimpleName());
    String lower = message.toLowerCase(Locale.ROOT);
    boolean full =
        Stream.of("no space left", "not enough space", "quota exceeded").anyMatch(lower::contains);
    return new RunFailedException(
        target
            + ": could not be filled, "
            + (full ? "the disk is full" : message)
            + "; the same command again goes on from here",
        e);
  }

  /// Room on the disk of `path`; as much as one likes where the system does not say.
  static long freeBytesOf(Path path) {
    try {
      return Files.getFileStore(path).getUsableSpace();
    } catch (IOException _) {
      return Long.MAX_VALUE;
    }
  }

  /// Number and size of the libraries, for the summary.
  String contents() {
    try (Stream<Path> files = Files.list(target)) {
      List<Path> libraries = files.filter(file -> !file.endsWith(RECEIPT)).toList();
      long bytes = 0;
      for (Path library : libraries) {
        bytes += Files.size(library);
      }
      return libraries.size() + " libraries, " + Console.bytes(bytes);
    } catch (IOException e) {
      return "unreadable (" + e.getMessage() + ")";
    }
  }
}
