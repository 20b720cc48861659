package dev.anima.tag;

import dev.anima.io.AtomicFiles;
import dev.anima.io.InputException;
import dev.anima.io.PythonText;
import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/// Caption files, and beside their folder nothing: what is overwritten goes first into a file of
/// JSON lines, `{"file": ..., "before": ..., "after": ...}`, `before` being null for a new caption.
/// It is on the disk before the first caption of a batch changes.
public final class CaptionBackup implements CaptionSink {
  private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");

  /// Captions that are written side by side.
  private static final int WRITERS = 8;

  private final Path folder;
  private final LocalDateTime now;
  private @Nullable Path file;
  private @Nullable FileChannel channel;

  /// @param folder where backups are kept; made at the first change
  /// @param now names the file
  public CaptionBackup(Path folder, LocalDateTime now) {
    this.folder = folder;
    this.now = now;
  }

  /// The backup, if anything was written.
  public Optional<Path> file() {
    return Optional.ofNullable(file);
  }

  @Override
  public List<Refused> write(List<CaptionChange> changes) {
    List<Refused> refused = new ArrayList<>();
    List<CaptionChange> possible = new ArrayList<>();
    for (CaptionChange change : changes) {
      Optional<String> obstacle = WriteProtection.of(change.file());
      obstacle.ifPresentOrElse(
          message -> refused.add(new Refused(change.file(), message)), () -> possible.add(change));
    }
    if (possible.isEmpty()) {
      return refused;
    }
    remember(possible);
    // Most of a write is waiting for the disk, which takes several together as fast as one.
    try (ExecutorService threads =
        Executors.newFixedThreadPool(Math.min(WRITERS, possible.size()))) {
      List<Future<Optional<Refused>>> writing = new ArrayList<>();
      for (CaptionChange change : possible) {
        writing.add(threads.submit(() -> write(change)));
      }
      for (Future<Optional<Refused>> written : writing) {
        written.get().ifPresent(refused::add);
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException("writing a caption failed", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while writing captions", e);
    }
    return refused;
  }

  private static Optional<Refused> write(CaptionChange change) {
    try {
      AtomicFiles.writeString(change.file(), change.after());
      return Optional.empty();
    } catch (InputException | RunFailedException e) {
      return Optional.of(new Refused(change.file(), String.valueOf(e.getMessage())));
    }
  }

  private void remember(List<CaptionChange> changes) {
    StringBuilder lines = new StringBuilder();
    for (CaptionChange change : changes) {
      Map<String, @Nullable Object> line = new LinkedHashMap<>();
      line.put("file", change.file().toAbsolutePath().normalize().toString());
      line.put("before", change.before().orElse(null));
      line.put("after", change.after());
      lines.append(PythonText.json(line)).append('\n');
    }
    try {
      FileChannel to = opened();
      ByteBuffer bytes = ByteBuffer.wrap(lines.toString().getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        to.write(bytes);
      }
      to.force(false);
    } catch (IOException e) {
      throw new RunFailedException(
          "%s: the captions' backup cannot be written (%s); no caption of this batch was changed"
              .formatted(folder, e.getMessage()),
          e);
    }
  }

  @SuppressWarnings("MustBeClosedChecker") // closed by close()
  private FileChannel opened() throws IOException {
    FileChannel open = channel;
    if (open == null) {
      Files.createDirectories(folder);
      Path path = folder.resolve("tag-" + STAMP.format(now) + ".jsonl");
      open = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      channel = open;
      file = path;
    }
    return open;
  }

  @Override
  public void close() {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException _) {
      // every line was forced to the disk
    }
  }
}
