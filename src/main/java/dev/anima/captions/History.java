package dev.anima.captions;

import dev.anima.captions.Journal.Entry;
import dev.anima.captions.Journal.Kind;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The journal as a user sees it: edits, some of them undone.
public record History(List<Edit> edits, List<Long> redoable) {
  /// One edit.
  ///
  /// @param files caption files it changed
  /// @param undone whether it was taken back
  public record Edit(
      long id, String name, String description, Instant time, int files, boolean undone) {}

  public History {
    edits = List.copyOf(edits);
    redoable = List.copyOf(redoable);
  }

  /// The history of a data set, without changing anything.
  public static History of(CaptionState state) {
    return of(Journal.open(state.journal()));
  }

  static History of(Journal journal) {
    List<Entry> edits = new ArrayList<>();
    Set<Long> undone = new HashSet<>();
    List<Long> redoable = new ArrayList<>(); // last undone is last
    for (Entry entry : journal.entries()) {
      switch (entry.kind()) {
        case EDIT -> {
          edits.add(entry);
          redoable.clear();
        }
        case UNDO -> {
          undone.add(entry.of());
          redoable.add(entry.of());
        }
        case REDO -> {
          undone.remove(entry.of());
          redoable.remove(entry.of());
        }
        case WRITTEN -> {}
      }
    }
    return new History(
        edits.stream()
            .map(e ->
                new Edit(
                    e.id(),
                    e.name(),
                    e.description(),
                    e.time(),
                    e.files(),
                    undone.contains(e.id())))
            .toList(),
        redoable);
  }

  /// Caption files that were changed by edits that still stand.
  ///
  /// @param root of the data set
  public static Set<Path> editedFiles(CaptionState state, Path root) {
    Journal journal = Journal.open(state.journal());
    Set<Long> standing = new HashSet<>();
    of(journal).edits().stream().filter(edit -> !edit.undone()).forEach(e -> standing.add(e.id()));
    Set<Path> files = new HashSet<>();
    for (Entry entry : journal.entries()) {
      if (standing.contains(entry.id())) {
        journal.changes(entry).forEach(change -> files.add(root.resolve(change.path())));
      }
    }
    return files;
  }

  /// The edit that undo takes back.
  public Optional<Edit> undoable() {
    return edits.reversed().stream().filter(edit -> !edit.undone()).findFirst();
  }

  /// The edit that redo does again.
  public Optional<Edit> redo() {
    return redoable.isEmpty()
        ? Optional.empty()
        : edits.stream().filter(edit -> edit.id() == redoable.getLast()).findFirst();
  }

  /// The operation whose files were not all written when the program last ended.
  static Optional<Entry> unfinished(Journal journal) {
    Optional<Entry> last =
        journal.entries().reversed().stream().filter(e -> e.kind() != Kind.WRITTEN).findFirst();
    return last.filter(entry ->
        journal.entries().stream()
            .noneMatch(e -> e.kind() == Kind.WRITTEN && e.of() == entry.id()));
  }
}
