package dev.anima.train;

import dev.anima.train.progress.Interval;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// What a run tells while it runs; console, TensorBoard, queue and browser listen.
public sealed interface TrainEvent {

  /// A phase with a countable end has begun (caching latents, encoding captions, ...), before the
  /// first step or between steps.
  ///
  /// @param unit of `total`, such as `images`
  record PhaseStarted(String name, int total, String unit) implements TrainEvent {}

  /// `done` of the phase's items are finished.
  record PhaseProgress(String name, int done, int total) implements TrainEvent {}

  /// Something the user should know, once.
  record Note(String message) implements TrainEvent {}

  /// What is known of the run's memory: before it the plan, after it what it took.
  ///
  /// @param lines the most important first
  record Memory(List<String> lines) implements TrainEvent {
    public Memory {
      lines = List.copyOf(lines);
    }
  }

  /// Training begins.
  ///
  /// @param plan steps and epochs
  /// @param firstStep steps already done (after a resume)
  record Started(RunPlan plan, int firstStep) implements TrainEvent {}

  record EpochStarted(int epoch, int epochs) implements TrainEvent {}

  /// One micro-batch was trained on.
  ///
  /// @param step optimizer steps done so far
  /// @param updated whether this micro-batch ended an accumulation window
  /// @param loss of this micro-batch
  /// @param averageLoss the reference's moving average
  /// @param learningRates by group description: the rate the next step will use (as the reference
  ///   logs it)
  /// @param scalars further values by TensorBoard tag, in order
  /// @param seconds wall time of this micro-batch
  record BatchDone(
      int step,
      int epoch,
      boolean updated,
      double loss,
      double averageLoss,
      Map<String, Double> learningRates,
      Map<String, Double> scalars,
      double seconds)
      implements TrainEvent {}

  record EpochDone(int epoch, double averageLoss) implements TrainEvent {}

  /// Validation finished.
  ///
  /// @param byEpoch whether `x` is an epoch number (else a step)
  record Validated(boolean byEpoch, int x, double loss, double divergence) implements TrainEvent {}

  /// Progress was measured against the base model (docs/validation.md).
  ///
  /// @param verdict `learning`, `learnt` or `memorising`
  /// @param heldOut whether `difference` and `bands` are of images that are not trained on
  /// @param difference relative to the base model's loss: -0.03 is 3 % better
  /// @param bands the same by noise level, from little noise to much
  /// @param training of the images that are trained on
  /// @param withoutTrigger of those, with captions that lack the trigger word
  record Measured(
      int step,
      int epoch,
      String verdict,
      boolean heldOut,
      Interval difference,
      List<Interval> bands,
      Interval training,
      Optional<Interval> withoutTrigger)
      implements TrainEvent {
    public Measured {
      bands = List.copyOf(bands);
    }

    /// Such as `learning (-3.1 % ±0.6)`.
    public String summary() {
      return verdict + " (" + percent(difference) + ")";
    }

    /// Such as `-3.1 % ±0.6`.
    public static String percent(Interval interval) {
      return String.format(
          Locale.ROOT, "%+.1f %% ±%.1f", 100 * interval.mean(), 100 * interval.half());
    }
  }

  /// Of the files saved until now this one is the best by the measures.
  record BestMarked(Path file, int step, int epoch, Interval difference) implements TrainEvent {}

  /// The run ends before its planned end, as it was told to (`--stop_when_learnt`).
  record EndedEarly(int step, String reason) implements TrainEvent {}

  /// A LoRA file was written (whole, synced and renamed).
  record Saved(Path file, int step, boolean last) implements TrainEvent {}

  /// What resuming needs was written.
  record StateSaved(Path folder, int step) implements TrainEvent {}

  record Removed(Path file) implements TrainEvent {}

  record SampleDrawn(Path file, int step, int index) implements TrainEvent {}

  /// Training ended.
  ///
  /// @param stopped by the user, before the planned end
  record Finished(int step, double averageLoss, boolean stopped) implements TrainEvent {}
}
