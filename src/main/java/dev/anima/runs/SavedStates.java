package dev.anima.runs;

import dev.anima.io.InputException;
import dev.anima.train.state.SavedState;
import dev.anima.train.state.StateFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Looks for states that a run can go on from.
final class SavedStates {
  private SavedStates() {}

  /// Whole states directly in `folder`.
  static List<SavedState.Whole> in(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(Files::isDirectory)
          .map(SavedStates::read)
          .flatMap(Optional::stream)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The farthest state of the recorded run: its rolling one, or one that `--save_state` left
  /// beside its files.
  static Optional<SavedState.Whole> newest(Path folder, RunRecord record) {
    return Stream.concat(in(folder).stream(), in(folder.resolveSibling("")).stream())
        .filter(state -> state.run().recipe().equals(record.recipe()))
        .max(Comparator.comparingInt(state -> state.run().currentStep()));
  }

  /// A folder that is no whole state is none of ours: a kill may have cut its deletion short.
  private static Optional<SavedState.Whole> read(Path folder) {
    if (!Files.isRegularFile(folder.resolve("train_state.json"))) {
      return Optional.empty();
    }
    try {
      return StateFolder.read(folder) instanceof SavedState.Whole whole
          ? Optional.of(whole)
          : Optional.empty();
    } catch (InputException e) {
      return Optional.empty();
    }
  }
}
