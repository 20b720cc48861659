package dev.anima.train;

import java.util.Optional;
import java.util.OptionalInt;

/// When checkpoints are written, what they are called and which old ones go (`spec/training.md`
/// §19).
///
/// @param outputName base name, empty for the reference's defaults (`at`, `epoch`, `last`)
/// @param extension without the dot
/// @param everySteps write one each n optimizer steps (also at the last)
/// @param everyEpochs write one each n epochs (not at the last: the final file follows)
/// @param keepSteps step files younger than this many steps stay; empty keeps all
/// @param keepEpochs number of epoch files that stay; empty keeps all
public record CheckpointRules(
    Optional<String> outputName,
    String extension,
    OptionalInt everySteps,
    OptionalInt everyEpochs,
    OptionalInt keepSteps,
    OptionalInt keepEpochs) {

  public boolean savesAtStep(int step) {
    return everySteps.isPresent() && step % everySteps.getAsInt() == 0;
  }

  public boolean savesAtEpoch(int epoch, int epochs) {
    return everyEpochs.isPresent() && epoch < epochs && epoch % everyEpochs.getAsInt() == 0;
  }

  public String stepFile(int step) {
    return "%s-step%08d.%s".formatted(outputName.orElse("at"), step, extension);
  }

  public String epochFile(int epoch) {
    return "%s-%06d.%s".formatted(outputName.orElse("epoch"), epoch, extension);
  }

  public String finalFile() {
    return outputName.orElse("last") + "." + extension;
  }

  /// Name of the folder with the run's record.
  public String runFolder() {
    return outputName.orElse("last") + ".run";
  }

  /// Name of the state folder beside a checkpoint, such as `nami-step00000100-state`.
  static String stateBeside(String file) {
    return file.substring(0, file.lastIndexOf('.')) + "-state";
  }

  /// The same times and names with another retention.
  CheckpointRules withRetention(OptionalInt steps, OptionalInt epochs) {
    return new CheckpointRules(outputName, extension, everySteps, everyEpochs, steps, epochs);
  }

  /// The epoch whose file goes after epoch `epoch` was saved.
  public OptionalInt epochToRemove(int epoch) {
    if (keepEpochs.isEmpty()) {
      return OptionalInt.empty();
    }
    int removed = epoch - everyEpochs.orElseThrow() * keepEpochs.getAsInt();
    return removed > 0 ? OptionalInt.of(removed) : OptionalInt.empty();
  }

  /// The step whose file goes after step `step` was saved: the newest one that is older than
  /// `keepSteps`.
  public OptionalInt stepToRemove(int step) {
    if (keepSteps.isEmpty()) {
      return OptionalInt.empty();
    }
    int oldest = step - keepSteps.getAsInt() - 1;
    int removed = Math.floorDiv(oldest, everySteps.orElseThrow()) * everySteps.orElseThrow();
    return removed > 0 ? OptionalInt.of(removed) : OptionalInt.empty();
  }
}
