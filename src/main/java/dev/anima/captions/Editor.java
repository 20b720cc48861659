package dev.anima.captions;

import dev.anima.captions.CaptionedImage.Stamp;
import dev.anima.captions.Journal.Entry;
import dev.anima.captions.Journal.FileChange;
import dev.anima.captions.Journal.Kind;
import dev.anima.captions.Plan.Change;
import dev.anima.captions.Plan.Refusal;
import dev.anima.io.InputException;
import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/// The one writer of a data set's captions: applies plans, takes them back, and finishes what a
/// killed program left unfinished. While it is open, no other program of ours can write.
///
/// Open it before the captions are read that a plan is made from.
public final class Editor implements AutoCloseable {
  private static final int THREADS = 4;

  /// Up to this many files each is waited for until it is on the disk; more would take minutes. The
  /// journal, which is on the disk before, has them all.
  private static final int MOST_SYNCED = 200;

  private final Path root;
  private final CaptionState state;
  private final Journal journal;
  private final FileChannel lockFile;
  private final Clock clock;
  private final FileWriter writer;
  private final List<String> notes = new ArrayList<>();
  private final Map<Path, Path> realFolders = new HashMap<>();

  /// How a file gets its new content; tests let it fail.
  @FunctionalInterface
  interface FileWriter {
    /// @param content null to delete
    void write(Path file, @Nullable Bytes content, boolean synced) throws IOException;
  }

  /// What was done.
  ///
  /// @param id of the operation in the history, 0 if nothing was done
  /// @param description of the operation
  /// @param files caption files that were written or deleted
  /// @param failed files that were not, with the reason
  public record Outcome(long id, String description, int files, List<Refusal> failed) {
    public Outcome {
      failed = List.copyOf(failed);
    }
  }

  private Editor(
      Path root,
      CaptionState state,
      Journal journal,
      FileChannel lockFile,
      Clock clock,
      FileWriter writer) {
    this.root = root;
    this.state = state;
    this.journal = journal;
    this.lockFile = lockFile;
    this.clock = clock;
    this.writer = writer;
  }

  /// Opens the history of a data set and finishes an operation that was interrupted.
  ///
  /// @throws InputException if another program is writing, or the history cannot be kept
  public static Editor open(Path root, CaptionState state) {
    return open(root, state, Clock.systemUTC(), Editor::put);
  }

  static Editor open(Path root, CaptionState state, Clock clock, FileWriter writer) {
    state.create(root);
    FileChannel channel = lock(state);
    try {
      Editor editor =
          new Editor(root, state, Journal.open(state.journal()), channel, clock, writer);
      editor.finishInterrupted();
      return editor;
    } catch (RuntimeException e) {
      closeQuietly(channel);
      throw e;
    }
  }

  private static FileChannel lock(CaptionState state) {
    FileChannel channel = null;
    try {
      channel = FileChannel.open(state.lock(), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      @Nullable FileLock lock = channel.tryLock();
      if (lock != null) {
        return channel;
      }
      closeQuietly(channel);
    } catch (OverlappingFileLockException _) {
      closeQuietly(Objects.requireNonNull(channel));
    } catch (IOException e) {
      throw new InputException(state.lock() + ": cannot be used (" + e + ")", e);
    }
    throw new InputException(
        "another anima is editing the captions of this data set; wait until it is done");
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException _) {
      // the lock goes with the process at the latest
    }
  }

  /// What was found and finished when the editor was opened, for the user.
  public List<String> notes() {
    return List.copyOf(notes);
  }

  public History history() {
    return History.of(journal);
  }

  /// Writes what a plan says. A file that cannot be written, or was changed by another program
  /// since the plan was made, is left as it is and named.
  public Outcome apply(Plan plan) {
    if (plan.changes().isEmpty()) {
      return new Outcome(0, plan.description(), 0, List.of());
    }
    List<Refusal> failed = new ArrayList<>();
    List<FileChange> changes = new ArrayList<>();
    for (Change change : plan.changes()) {
      Optional<String> changed = changedSince(change);
      if (changed.isPresent()) {
        failed.add(new Refusal(change.file(), changed.get()));
      } else {
        changes.add(new FileChange(path(change.file()), change.was(), change.will()));
      }
    }
    if (changes.isEmpty()) {
      return new Outcome(0, plan.description(), 0, failed);
    }
    return write(Kind.EDIT, 0, plan.name(), plan.description(), changes, failed);
  }

  private static Optional<String> changedSince(Change change) {
    try {
      BasicFileAttributes now = Files.readAttributes(change.file(), BasicFileAttributes.class);
      Stamp stamp = new Stamp(now.size(), now.lastModifiedTime());
      return change.stamp().equals(Optional.of(stamp))
          ? Optional.empty()
          : Optional.of("was changed by another program meanwhile; run the command again");
    } catch (NoSuchFileException _) {
      Path folder = change.file().toAbsolutePath().getParent();
      if (folder == null || !Files.isDirectory(folder)) {
        return Optional.of("its folder is no longer there");
      }
      return change.stamp().isEmpty()
          ? Optional.empty()
          : Optional.of("was deleted by another program meanwhile");
    } catch (IOException e) {
      return Optional.of("cannot be read (" + e + ")");
    }
  }

  /// Takes back the last edit that still stands; files that were changed since are left as they
  /// are.
  ///
  /// @throws InputException if there is nothing to undo
  public Outcome undo() {
    History.Edit edit =
        history().undoable().orElseThrow(() -> new InputException("there is nothing to undo"));
    List<FileChange> changes =
        journal.changes(entry(edit.id())).stream()
            .map(change -> new FileChange(change.path(), change.will(), change.was()))
            .toList();
    return write(
        Kind.UNDO,
        edit.id(),
        "undo",
        "undo: " + edit.description(),
        matching(changes),
        mismatches(changes));
  }

  /// Does the edit again that was undone last.
  ///
  /// @throws InputException if there is none
  public Outcome redo() {
    History.Edit edit =
        history().redo().orElseThrow(() -> new InputException("there is nothing to redo"));
    List<FileChange> changes = journal.changes(entry(edit.id()));
    return write(
        Kind.REDO,
        edit.id(),
        "redo",
        "redo: " + edit.description(),
        matching(changes),
        mismatches(changes));
  }

  private Entry entry(long id) {
    return journal.entries().stream().filter(e -> e.id() == id).findFirst().orElseThrow();
  }

  private List<FileChange> matching(List<FileChange> changes) {
    return changes.stream().filter(this::isStillAsItWas).toList();
  }

  private List<Refusal> mismatches(List<FileChange> changes) {
    List<Refusal> refusals = new ArrayList<>();
    for (FileChange change : changes) {
      if (!isStillAsItWas(change)) {
        refusals.add(new Refusal(file(change.path()), "was changed since, so it is left as it is"));
      }
    }
    return refusals;
  }

  private boolean isStillAsItWas(FileChange change) {
    try {
      return Objects.equals(present(file(change.path())), change.was());
    } catch (IOException _) {
      return false;
    }
  }

  private static @Nullable Bytes present(Path file) throws IOException {
    try {
      return Bytes.of(Files.readAllBytes(file));
    } catch (NoSuchFileException _) {
      return null;
    }
  }

  private Outcome write(
      Kind kind,
      long of,
      String name,
      String description,
      List<FileChange> changes,
      List<Refusal> refused) {
    Entry entry = journal.append(kind, of, name, description, clock.instant(), changes);
    List<Refusal> failed = writeAll(entry, changes);
    if (failed.isEmpty()) {
      written(entry);
    }
    int files = changes.size() - failed.size();
    failed.addAll(refused);
    return new Outcome(entry.id(), description, files, failed);
  }

  private void written(Entry entry) {
    journal.append(Kind.WRITTEN, entry.id(), "", "", clock.instant(), List.of());
  }

  private List<Refusal> writeAll(Entry entry, List<FileChange> changes) {
    boolean synced = changes.size() <= MOST_SYNCED;
    List<Refusal> failed = new ArrayList<>();
    int parts = Math.min(THREADS, changes.size());
    try (ExecutorService threads = Executors.newFixedThreadPool(Math.max(1, parts))) {
      List<Future<List<Refusal>>> results = new ArrayList<>();
      for (int part = 0; part < parts; part++) {
        int from = (int) ((long) changes.size() * part / parts);
        int to = (int) ((long) changes.size() * (part + 1) / parts);
        Callable<List<Refusal>> work = () -> writeSome(entry, changes.subList(from, to), synced);
        results.add(threads.submit(work));
      }
      for (Future<List<Refusal>> result : results) {
        failed.addAll(result.get());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while captions were written", e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
    }
    return failed;
  }

  private List<Refusal> writeSome(Entry entry, List<FileChange> changes, boolean synced) {
    List<Refusal> failed = new ArrayList<>();
    for (FileChange change : changes) {
      Path file = file(change.path());
      try {
        if (change.will() == null) {
          keepInTrash(entry, change);
        }
        writer.write(file, change.will(), synced);
      } catch (IOException e) {
        failed.add(new Refusal(file, "could not be written (" + CaptionSet.reason(e) + ")"));
      }
    }
    return failed;
  }

  private void keepInTrash(Entry entry, FileChange change) throws IOException {
    Bytes was = change.was();
    if (was == null) {
      return;
    }
    String inside = change.path().replaceFirst("^([A-Za-z]:)?/+", "");
    Path kept = state.trash().resolve(Long.toString(entry.id())).resolve(inside);
    Files.createDirectories(Objects.requireNonNull(kept.getParent()));
    Files.write(kept, was.data());
  }

  private static void put(Path file, @Nullable Bytes content, boolean synced) throws IOException {
    if (content == null) {
      Files.deleteIfExists(file);
    } else {
      CaptionWriter.write(file, content, synced);
    }
  }

  /// Writes the files that a killed program did not come to.
  private void finishInterrupted() {
    Entry entry = History.unfinished(journal).orElse(null);
    if (entry == null) {
      return;
    }
    List<FileChange> missing = new ArrayList<>();
    int foreign = 0;
    for (FileChange change : journal.changes(entry)) {
      try {
        @Nullable Bytes now = present(file(change.path()));
        if (Objects.equals(now, change.was())) {
          missing.add(change);
        } else if (!Objects.equals(now, change.will())) {
          foreign++;
        }
      } catch (IOException _) {
        foreign++;
      }
    }
    journal.changes(entry).stream()
        .map(change -> file(change.path()).getParent())
        .distinct()
        .forEach(CaptionWriter::cleanUp);
    List<Refusal> failed = writeAll(entry, missing);
    written(entry);
    notes.add(
        "the operation \"%s\" was interrupted: %d of %d files were still to be written and are now%s%s"
            .formatted(
                entry.description(),
                missing.size() - failed.size(),
                entry.files(),
                failed.isEmpty() ? "" : "; %d could not be".formatted(failed.size()),
                foreign == 0
                    ? ""
                    : "; %d were changed by another program and are left as they are"
                        .formatted(foreign)));
  }

  private String path(Path file) {
    Path parent = Objects.requireNonNull(file.toAbsolutePath().getParent());
    Path real = realFolders.computeIfAbsent(parent, CaptionSource::real);
    Path whole = real.resolve(Objects.requireNonNull(file.getFileName()));
    return (whole.startsWith(root) ? root.relativize(whole) : whole)
        .toString()
        .replace(File.separatorChar, '/');
  }

  private Path file(String path) {
    return root.resolve(path);
  }

  @Override
  public void close() {
    closeQuietly(lockFile);
  }
}
