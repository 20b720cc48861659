package dev.anima.cli.setup;

import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.LongConsumer;

/// Fetches one wheel into a file. What is there from an earlier attempt is kept and continued, and
/// nothing is trusted before the hash of the whole is right.
final class WheelDownload {
  private static final int CHUNK_BYTES = 1 << 16;

  /// Attempts in a row that bring nothing.
  private static final int ATTEMPTS = 3;

  private final WheelSource source;
  private final Wheel wheel;
  private final Path file;
  private final LongConsumer progress;

  /// @param file to write or to continue
  /// @param progress is told how many bytes of the wheel are there
  WheelDownload(WheelSource source, Wheel wheel, Path file, LongConsumer progress) {
    this.source = source;
    this.wheel = wheel;
    this.file = file;
    this.progress = progress;
  }

  /// Returns when the file is whole and right.
  ///
  /// @throws RunFailedException if it cannot be had, or is not the pinned one (then it is deleted)
  /// @throws IOException if writing fails
  void fetch() throws IOException {
    int fruitless = 0;
    for (long had = length(); had < wheel.bytes(); ) {
      IOException problem = readOn(had);
      long has = length();
      if (has == wheel.bytes()) {
        break;
      }
      fruitless = has > had ? 0 : fruitless + 1;
      if (fruitless == ATTEMPTS || source instanceof WheelFolder) {
        throw incomplete(has, problem);
      }
      had = has;
    }
    checkHash();
  }

  /// Appends what the source gives; the problem if it ended early.
  private IOException readOn(long had) throws IOException {
    try (WheelSource.Content content = source.open(wheel, had);
        OutputStream out = output(content.from())) {
      return copy(content.stream(), out, content.from());
    } catch (Unwritable e) {
      throw e.problem;
    } catch (IOException e) {
      return e;
    }
  }

  private OutputStream output(long from) throws Unwritable {
    try {
      return from > 0
          ? Files.newOutputStream(file, StandardOpenOption.APPEND)
          : Files.newOutputStream(file); // a source that starts anew makes the file start anew
    } catch (IOException e) {
      throw new Unwritable(e);
    }
  }

  private IOException copy(InputStream in, OutputStream out, long from) throws IOException {
    byte[] chunk = new byte[CHUNK_BYTES];
    long at = from;
    for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
      at += read;
      if (at > wheel.bytes()) {
        discard();
        throw new RunFailedException(
            wheel.file() + ": is longer than the " + wheel.bytes() + " bytes expected; deleted");
      }
      try {
        out.write(chunk, 0, read);
      } catch (IOException e) {
        throw new Unwritable(e);
      }
      progress.accept(at);
    }
    return new IOException("the data ended early");
  }

  private long length() throws IOException {
    long length = Files.exists(file) ? Files.size(file) : 0;
    if (length > wheel.bytes()) {
      discard();
      return 0;
    }
    return length;
  }

  private void checkHash() throws IOException {
    String found = sha256(file);
    if (!found.equals(wheel.sha256())) {
      discard();
      throw new RunFailedException(
          wheel.file()
              + ": has SHA-256 "
              + found
              + ", expected "
              + wheel.sha256()
              + "; it was damaged on the way or is another file, and was deleted");
    }
  }

  private void discard() throws IOException {
    Files.deleteIfExists(file);
  }

  private RunFailedException incomplete(long has, IOException problem) {
    return new RunFailedException(
        wheel.file()
            + ": only "
            + has
            + " of "
            + wheel.bytes()
            + " bytes came ("
            + (problem.getMessage() == null ? problem : problem.getMessage())
            + "); the same command again goes on from there",
        problem);
  }

  static String sha256(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] chunk = new byte[CHUNK_BYTES];
      for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
        digest.update(chunk, 0, read);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  /// The disk's problem, to be told from the network's.
  private static final class Unwritable extends IOException {
    private static final long serialVersionUID = 1L;
    private final IOException problem;

    Unwritable(IOException problem) {
      super(problem);
      this.problem = problem;
    }
  }
}
