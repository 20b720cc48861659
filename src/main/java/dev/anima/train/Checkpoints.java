package dev.anima.train;

import dev.anima.config.OutputConfig.SavedType;
import dev.anima.engine.Dtype;
import dev.anima.io.InputException;
import dev.anima.lora.LoraKeys;
import dev.anima.lora.LoraSaver;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Writes the LoRA files of a run and removes old ones by the retention rules.
final class Checkpoints {
  private final TrainSetup setup;
  private final RunParts parts;
  private final TrainListener listener;
  private final Set<Path> written = new HashSet<>();
  private final Consumer<Path> beforeRemoval;
  private @Nullable Path last;

  /// @param beforeRemoval told of a file that is about to be deleted by the retention rules
  Checkpoints(
      TrainSetup setup, RunParts parts, TrainListener listener, Consumer<Path> beforeRemoval) {
    this.beforeRemoval = beforeRemoval;
    this.setup = setup;
    this.parts = parts;
    this.listener = listener;
  }

  /// Makes the output folder and tries to write there, before hours of training.
  ///
  /// @throws InputException if it cannot be written to
  static void prepare(Path folder) {
    Path probe = folder.resolve(".anima-write-test");
    try {
      Files.createDirectories(folder);
      Files.write(probe, new byte[] {1});
      Files.delete(probe);
    } catch (IOException e) {
      throw new InputException(
          "--output_dir: %s cannot be written to (%s); choose another folder"
              .formatted(folder, reason(e)),
          e);
    }
  }

  private static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "no permission";
    }
    if (e instanceof FileAlreadyExistsException taken) {
      return taken.getFile() + " is a file";
    }
    return e instanceof FileSystemException failed && failed.getReason() != null
        ? failed.getReason()
        : String.valueOf(e.getMessage());
  }

  void atStep(int step, int epoch) {
    // The reference counts epochs from 0 in step files and from 1 in the others.
    save(setup.checkpoints().stepFile(step), step, epoch - 1, false);
    setup
        .checkpoints()
        .stepToRemove(step)
        .ifPresent(old -> remove(setup.checkpoints().stepFile(old)));
  }

  void atEpoch(int epoch, int step) {
    save(setup.checkpoints().epochFile(epoch), step, epoch, false);
    setup
        .checkpoints()
        .epochToRemove(epoch)
        .ifPresent(old -> remove(setup.checkpoints().epochFile(old)));
  }

  void atEnd(int step, int epoch) {
    save(setup.checkpoints().finalFile(), step, epoch, true);
  }

  /// Somebody asked for a checkpoint now. It stays, whatever the retention.
  void onRequest(int step, int epoch) {
    Path file = setup.config().output().dir().resolve(setup.checkpoints().stepFile(step));
    if (!file.equals(last)) {
      save(setup.checkpoints().stepFile(step), step, epoch - 1, false);
    }
  }

  /// The user asked for a stop: the final name stays free for a finished run.
  void atStop(int step, int epoch) {
    save(setup.checkpoints().stepFile(step), step, epoch - 1, true);
  }

  private void save(String name, int step, int epoch, boolean end) {
    Path file = setup.config().output().dir().resolve(name);
    boolean integerAlpha =
        parts.trained().integerAlpha() && setup.config().machine().referenceExact();
    new NotFinite(setup, parts).checkWeights(step, describeLast());
    if (!setup.team().isFirst()) {
      last = file; // rank 0 writes it
      return;
    }
    noteReplaced(file);
    parts.learner().optimizer().eval();
    try {
      LoraSaver.save(
          parts.loras(),
          file,
          parts.metadata().at(step, epoch, Instant.now()),
          new LoraSaver.Options(
              LoraKeys.Style.SD_SCRIPTS,
              setup.config().output().precision().map(Checkpoints::dtype),
              integerAlpha));
    } finally {
      parts.learner().optimizer().train();
    }
    last = file;
    listener.on(new TrainEvent.Saved(file, step, end));
  }

  /// As the reference, a new run replaces the files of an older one of that name; it says so.
  private void noteReplaced(Path file) {
    if (Files.exists(file) && written.add(file)) {
      listener.on(
          new TrainEvent.Note(
              "%s was there before this run and is replaced (another --output_name keeps both)"
                  .formatted(file)));
    }
    written.add(file);
  }

  static Dtype dtype(SavedType type) {
    return switch (type) {
      case FLOAT -> Dtype.F32;
      case FP16 -> Dtype.F16;
      case BF16 -> Dtype.BF16;
    };
  }

  private void remove(String name) {
    if (!setup.team().isFirst()) {
      return;
    }
    Path file = setup.config().output().dir().resolve(name);
    beforeRemoval.accept(file);
    try {
      if (Files.deleteIfExists(file)) {
        listener.on(new TrainEvent.Removed(file));
      }
    } catch (IOException e) {
      listener.on(
          new TrainEvent.Note(file + " is old but could not be deleted: " + e.getMessage()));
    }
  }

  /// Where the newest good file is, as part of a sentence.
  String describeLast() {
    return Optional.ofNullable(last)
        .map(file -> "the last checkpoint is " + file)
        .orElse("there is no checkpoint yet (--save_every_n_steps makes some)");
  }
}
