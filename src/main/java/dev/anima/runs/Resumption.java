package dev.anima.runs;

import dev.anima.io.InputException;
import dev.anima.train.state.SavedState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// How to take up a recorded run again.
///
/// @param folder the run's record
/// @param words flags to train with
/// @param workingDir what relative paths in them start from
/// @param processes that trained together
/// @param step from which it goes on; 0 where no state was saved yet
public record Resumption(
    Path folder, List<String> words, Path workingDir, int processes, int step) {
  public Resumption {
    words = List.copyOf(words);
  }

  /// @param given a run's record, or a folder with one record in it
  /// @throws InputException if there is no such run, or it is finished
  public static Resumption of(Path given) {
    Path folder = record(given).toAbsolutePath().normalize();
    RunRecord record = RunRecord.read(folder);
    RunFolder.end(folder)
        .filter(end -> end.state() == RunEnd.State.FINISHED)
        .ifPresent(end -> {
          throw new InputException(
              "%s: this run is finished (step %d); there is nothing to go on with"
                  .formatted(folder, end.step()));
        });
    Optional<SavedState.Whole> state = SavedStates.newest(folder, record);
    List<String> words = new ArrayList<>(record.fromTheStart());
    state.ifPresent(saved -> {
      words.removeIf(Resumption::namesAPlace);
      words.add("--resume=" + saved.folder());
    });
    return new Resumption(
        folder,
        words,
        Path.of(record.workingDir()),
        record.recipe().processes(),
        state.map(saved -> saved.run().currentStep()).orElse(0));
  }

  /// Where the run began; its state knows better where it stands.
  private static boolean namesAPlace(String word) {
    return word.startsWith("--initial_step=")
        || word.startsWith("--initial_epoch=")
        || word.equals("--skip_until_initial_step")
        || word.startsWith("--resume=");
  }

  private static Path record(Path given) {
    if (Files.isRegularFile(given.resolve(RunRecord.FILE))) {
      return given;
    }
    List<Path> records = records(given);
    return switch (records.size()) {
      case 0 ->
          throw new InputException(
              "%s: no run is recorded there\n  -> give the folder NAME.run beside the LoRA's files"
                  .formatted(given));
      case 1 -> records.getFirst();
      default ->
          throw new InputException(
              "%s: several runs are recorded there\n  -> give one of %s"
                  .formatted(
                      given,
                      String.join(", ", records.stream().map(Path::toString).sorted().toList())));
    };
  }

  private static List<Path> records(Path given) {
    if (!Files.isDirectory(given)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(given)) {
      return files.filter(file -> Files.isRegularFile(file.resolve(RunRecord.FILE))).toList();
    } catch (IOException e) {
      throw new InputException("%s: cannot be read (%s)".formatted(given, e.getMessage()), e);
    }
  }
}
