package dev.anima.io;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.function.LongConsumer;

/// Fetches one file. What is there from an earlier attempt is kept and continued, and nothing is
/// trusted before the hash of the whole is right. Where the bytes come from is the source's affair.
public final class Download {
  private static final int CHUNK_BYTES = 1 << 16;

  /// Attempts in a row that bring nothing.
  private static final int ATTEMPTS = 3;

  /// What is to be fetched.
  ///
  /// @param name for messages
  /// @param checksum empty where none is known: then the length alone tells
  public record Goal(String name, long bytes, Optional<Checksum> checksum) {}

  /// Gives the content.
  @FunctionalInterface
  public interface Source {
    /// Starts to read at byte `from`.
    ///
    /// @throws InputException if there is no such file
    /// @throws IOException if reading fails, which may be worth another try
    Content open(long from) throws IOException;
  }

  /// The content from one byte on.
  ///
  /// @param from what the stream really starts at: the byte asked for, or 0 if the source cannot
  ///   start in the middle
  public record Content(InputStream stream, long from) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      stream.close();
    }
  }

  private final Goal goal;
  private final Source source;
  private final boolean tryAgain;
  private final Path file;
  private final LongConsumer progress;

  /// @param tryAgain whether a failure of the source may pass
  /// @param file to write or to continue
  /// @param progress is told how many bytes are there
  public Download(Goal goal, Source source, boolean tryAgain, Path file, LongConsumer progress) {
    this.goal = goal;
    this.source = source;
    this.tryAgain = tryAgain;
    this.file = file;
    this.progress = progress;
  }

  /// Returns when the file is whole and right.
  ///
  /// @throws RunFailedException if it cannot be had, or is not the one expected (then it is
  ///   deleted)
  /// @throws IOException if writing fails
  public void fetch() throws IOException {
    int fruitless = 0;
    for (long had = length(); had < goal.bytes(); ) {
      IOException problem = readOn(had);
      long has = length();
      if (has == goal.bytes()) {
        break;
      }
      fruitless = has > had ? 0 : fruitless + 1;
      if (fruitless == ATTEMPTS || !tryAgain) {
        throw incomplete(has, problem);
      }
      had = has;
    }
    checkHash();
  }

  /// Appends what the source gives; the problem if it ended early.
  private IOException readOn(long had) throws IOException {
    try (Content content = source.open(had);
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
      if (at > goal.bytes()) {
        discard();
        throw new RunFailedException(
            goal.name() + ": is longer than the " + goal.bytes() + " bytes expected; deleted");
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
    if (length > goal.bytes()) {
      discard();
      return 0;
    }
    return length;
  }

  private void checkHash() throws IOException {
    if (goal.checksum().isEmpty()) {
      return;
    }
    Checksum expected = goal.checksum().get();
    String found = expected.of(file);
    if (!found.equals(expected.hex())) {
      discard();
      throw new RunFailedException(
          goal.name()
              + ": has "
              + expected.label()
              + " "
              + found
              + ", expected "
              + expected.hex()
              + "; it was damaged on the way or is another file, and was deleted");
    }
  }

  private void discard() throws IOException {
    Files.deleteIfExists(file);
  }

  private RunFailedException incomplete(long has, IOException problem) {
    return new RunFailedException(
        goal.name()
            + ": only "
            + has
            + " of "
            + goal.bytes()
            + " bytes came ("
            + (problem.getMessage() == null ? problem : problem.getMessage())
            + "); the same command again goes on from there",
        problem);
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
