package dev.anima.train;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/// How long a run is, in batches, steps and epochs (the reference's arithmetic, `spec/training.md`
/// §6).
///
/// @param batchesPerEpoch micro-batches one process sees in an epoch
/// @param accumulation micro-batches per optimizer step
/// @param stepsPerEpoch optimizer steps in a whole epoch; an incomplete last window still makes a
///   step
/// @param totalSteps optimizer steps at which training stops, even inside an epoch
/// @param epochs epochs begun
public record RunPlan(
    int batchesPerEpoch, int accumulation, int stepsPerEpoch, int totalSteps, int epochs) {

  /// Plans a run over `batches` micro-batches an epoch, dealt to `processes`.
  ///
  /// @param maxSteps used when `maxEpochs` is empty
  /// @param maxEpochs wins over `maxSteps`
  public static RunPlan of(
      int batches, int processes, int accumulation, int maxSteps, OptionalInt maxEpochs) {
    int batchesPerProcess = Math.ceilDiv(batches, processes);
    int stepsPerEpoch = Math.ceilDiv(Math.ceilDiv(batches, processes), accumulation);
    int totalSteps = maxEpochs.isPresent() ? maxEpochs.getAsInt() * stepsPerEpoch : maxSteps;
    int epochs = stepsPerEpoch == 0 ? 0 : Math.ceilDiv(totalSteps, stepsPerEpoch);
    return new RunPlan(batchesPerProcess, accumulation, stepsPerEpoch, totalSteps, epochs);
  }

  /// Whether micro-batch `index` (0-based) of an epoch ends an accumulation window.
  public boolean isUpdate(int index) {
    return (index + 1) % accumulation == 0 || index + 1 == batchesPerEpoch;
  }

  /// The epoch (1-based) in which optimizer step `step` (1-based) happens.
  public int epochOf(int step) {
    return Math.ceilDiv(step, stepsPerEpoch);
  }

  /// Steps finished when epoch `epoch` (1-based) ends.
  public int stepsAfterEpoch(int epoch) {
    return Math.min(totalSteps, epoch * stepsPerEpoch);
  }

  /// Every file the run will write, in the order it writes them, before anything is deleted again
  /// by retention.
  public List<PlannedFile> files(CheckpointRules rules) {
    List<PlannedFile> files = new ArrayList<>();
    for (int epoch = 1; epoch <= epochs; epoch++) {
      int first = (epoch - 1) * stepsPerEpoch + 1;
      for (int step = first; step <= stepsAfterEpoch(epoch); step++) {
        if (rules.savesAtStep(step)) {
          files.add(new PlannedFile(rules.stepFile(step), step));
        }
      }
      if (rules.savesAtEpoch(epoch, epochs)) {
        files.add(new PlannedFile(rules.epochFile(epoch), stepsAfterEpoch(epoch)));
      }
    }
    files.add(new PlannedFile(rules.finalFile(), totalSteps));
    return files;
  }

  /// A checkpoint file the run will write.
  ///
  /// @param name file name in the output folder
  /// @param step optimizer steps done by then
  public record PlannedFile(String name, int step) {}
}
