package dev.anima.train.state;

import dev.anima.dataset.BatchFeed;
import java.util.List;
import java.util.Optional;

/// Where a run stands between two optimizer steps: everything but the tensors.
///
/// The first two names are those the reference reads in the same file.
///
/// @param currentEpoch epoch of the last batch, counted from 1
/// @param currentStep optimizer steps done since the run's beginning
/// @param format [#FORMAT]
/// @param version [#VERSION]
/// @param program that wrote it
/// @param epochDone whether validation and checkpoint of the epoch's end are done too
/// @param scheduleSteps steps the learning-rate schedule has made (fewer than `currentStep` where
///   fp16 skipped some)
/// @param scaler loss scale, in fp16 only
/// @param average what the moving average of the loss remembers
/// @param streams states of torch's generators, base64: CPU, then the device's where it is another
/// @param feed place in the data
/// @param recipe what the run was told
public record RunState(
    int currentEpoch,
    int currentStep,
    String format,
    int version,
    String program,
    boolean epochDone,
    int scheduleSteps,
    Optional<Scaler> scaler,
    Average average,
    List<String> streams,
    BatchFeed.Position feed,
    Recipe recipe) {
  public static final String FORMAT = "anima-state";
  public static final int VERSION = 1;

  /// @param goodSteps since the scale last changed
  public record Scaler(double scale, int goodSteps) {}

  /// @param losses by position in the epoch
  /// @param total their sum, with the rounding it has gathered
  public record Average(List<Double> losses, double total) {
    public Average {
      losses = List.copyOf(losses);
    }
  }

  public RunState {
    streams = List.copyOf(streams);
  }

  /// Micro-batches of the current epoch that are done, of one process.
  public int batches() {
    return feed.delivered() / recipe.processes();
  }
}
