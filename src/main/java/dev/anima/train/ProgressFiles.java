package dev.anima.train;

import dev.anima.io.AtomicFiles;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import dev.anima.train.ProgressRecord.Best;
import dev.anima.train.progress.History;
import dev.anima.train.progress.Measure;
import dev.anima.train.progress.PictureLosses;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The best of a run's files, and what the run's folder says of its progress.
///
/// A file that was measured at its very step replaces the best one if it is better beyond the
/// interval. The retention rules do not lose the best: it goes into the run's folder before it is
/// deleted.
final class ProgressFiles {
  private final Path folder;
  private final TrainListener listener;
  private TrainEvent.@Nullable Saved newest;
  private int newestEpoch;
  private @Nullable Best best;
  private @Nullable Measure bestMeasure;
  private boolean failed;

  /// @param folder of the run's record
  ProgressFiles(Path folder, TrainListener listener) {
    this.folder = folder;
    this.listener = listener;
  }

  Optional<Best> best() {
    return Optional.ofNullable(best);
  }

  void restore(Optional<Best> saved, List<Measure> measures) {
    if (saved.isPresent() && Files.exists(saved.get().path())) {
      best = saved.get();
      bestMeasure =
          measures.stream()
              .filter(measure -> measure.step() == saved.get().step())
              .findFirst()
              .orElse(null);
    }
  }

  /// A file was saved, before or after the measure of its step.
  void saved(TrainEvent.Saved saved, int epoch, List<Measure> measures) {
    newest = saved;
    newestEpoch = epoch;
    if (!measures.isEmpty() && measures.getLast().step() == saved.step()) {
      consider(measures.getLast());
    }
  }

  void measured(Measure measure) {
    if (newest != null && newest.step() == measure.step()) {
      consider(measure);
    }
  }

  private void consider(Measure measure) {
    TrainEvent.Saved saved = newest;
    if (saved == null
        || (best != null && best.step() == measure.step())
        || !History.isBetter(measure, bestMeasure)) {
      return;
    }
    Best before = best;
    best = new Best(saved.file().toString(), saved.step(), newestEpoch);
    bestMeasure = measure;
    if (before != null && folder.equals(before.path().getParent())) {
      try {
        Files.deleteIfExists(before.path()); // our own copy
      } catch (IOException _) {
        // one file too many does no harm
      }
    }
    listener.on(
        new TrainEvent.BestMarked(saved.file(), saved.step(), newestEpoch, measure.judged().all()));
  }

  /// Keeps the best file when the retention rules are about to delete it.
  void beforeRemoval(Path file) {
    if (best == null || !best.path().equals(file) || !Files.exists(file)) {
      return;
    }
    Path kept = folder.resolve("best-" + file.getFileName());
    try {
      Files.createDirectories(folder);
      AtomicFiles.write(kept, to -> copy(file, to));
      best = new Best(kept.toString(), best.step(), best.epoch());
      listener.on(
          new TrainEvent.Note("the best file is kept as %s while newer ones come".formatted(kept)));
    } catch (IOException | InputException | RunFailedException e) {
      listener.on(
          new TrainEvent.Note("the best file could not be kept: %s".formatted(e.getMessage())));
    }
  }

  private static void copy(Path file, FileChannel to) throws IOException {
    try (FileChannel from = FileChannel.open(file)) {
      long size = from.size();
      for (long at = 0; at < size; ) {
        at += from.transferTo(at, size - at, to);
      }
    }
  }

  /// Where the run has a record.
  void write(ProgressRecord.Summary summary) {
    write("progress.json", summary.json());
  }

  /// As above.
  void write(PictureLosses losses) {
    if (!losses.pictures().isEmpty()) {
      write("pictures.csv", losses.picturesCsv());
      write("subsets.csv", losses.subsetsCsv());
      write("tags.csv", losses.tagsCsv());
    }
  }

  /// Nobody needs these to go on: a full disk does not end the run.
  private void write(String name, String text) {
    if (!Files.isDirectory(folder) || failed) {
      return;
    }
    try {
      AtomicFiles.writeString(folder.resolve(name), text);
    } catch (InputException | RunFailedException e) {
      failed = true;
      listener.on(
          new TrainEvent.Note("the run's progress is not written any more: " + e.getMessage()));
    }
  }
}
