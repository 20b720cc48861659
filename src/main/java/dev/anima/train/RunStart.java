package dev.anima.train;

import static dev.anima.train.state.SavedState.WeightsOnly;
import static dev.anima.train.state.SavedState.Whole;

import dev.anima.config.RunLength;
import dev.anima.io.InputException;
import dev.anima.train.state.RunState;
import dev.anima.train.state.SavedState;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Where in the plan a run begins: at its start, in a saved state, or where the flags say.
///
/// Counting is exact, unlike the reference's (`spec/training.md` §19.4 and §19.5): the step
/// counter, the epoch, the place in the data and the learning rate are those of a run that was
/// never interrupted, and the run ends at its planned last step.
///
/// @param step optimizer steps counted as done
/// @param epoch first epoch to train in, counted from 1
/// @param batches micro-batches of that epoch that are passed over
/// @param state read from `--resume`
/// @param notes what the user should know, one sentence each
record RunStart(int step, int epoch, int batches, Optional<SavedState> state, List<String> notes) {

  static final RunStart BEGINNING = new RunStart(0, 1, 0, Optional.empty(), List.of());

  /// @throws InputException if the flags contradict each other or nothing is left to train
  static RunStart of(RunLength length, RunPlan plan, Optional<SavedState> state) {
    RunStart start =
        switch (state.orElse(null)) {
          case Whole whole -> inState(length, whole);
          case WeightsOnly weights -> afterReference(length, plan, weights);
          case null -> byFlags(length, plan);
        };
    if (start.step >= plan.totalSteps()) {
      throw new InputException(
          "%s: step %d is not before the last step of this run, %d, so nothing is left to train\n  -> give more --max_train_epochs or --max_train_steps"
              .formatted(flagOf(length, state), start.step, plan.totalSteps()));
    }
    return start;
  }

  private static String flagOf(RunLength length, Optional<SavedState> state) {
    if (length.initialStep().isPresent()) {
      return "--initial_step=" + length.initialStep().getAsInt();
    }
    if (length.initialEpoch().isPresent()) {
      return "--initial_epoch=" + length.initialEpoch().getAsInt();
    }
    return state.map(saved -> "--resume=" + saved.folder()).orElse("--max_train_steps");
  }

  private static RunStart inState(RunLength length, Whole whole) {
    if (length.initialStep().isPresent() || length.initialEpoch().isPresent()) {
      throw new InputException(
          "%s cannot be used with --resume=%s: the state knows its place, step %d\n  -> drop the flag"
              .formatted(
                  flagOf(length, Optional.of(whole)), whole.folder(), whole.run().currentStep()));
    }
    RunState run = whole.run();
    return new RunStart(
        run.currentStep(),
        run.epochDone() ? run.currentEpoch() + 1 : run.currentEpoch(),
        run.epochDone() ? 0 : run.batches(),
        Optional.of(whole),
        List.of());
  }

  private static RunStart afterReference(RunLength length, RunPlan plan, WeightsOnly weights) {
    int step = wanted(length, plan).orElse(weights.step());
    List<String> notes = new ArrayList<>();
    notes.add(
        "%s was written by sd-scripts: its weights are used, but its optimizer, schedule and random states are pickles (programs), which are not read; the optimizer starts afresh at step %d"
            .formatted(weights.folder(), step));
    if (weights.epoch() > plan.epochOf(Math.max(1, step)) + 1) {
      notes.add(
          "its epoch %d does not fit its step %d (sd-scripts counts anew after each resume); give the true one with --initial_step"
              .formatted(weights.epoch(), step));
    }
    return exactly(step, plan, Optional.of(weights), notes);
  }

  private static Optional<Integer> wanted(RunLength length, RunPlan plan) {
    if (length.initialStep().isPresent()) {
      return Optional.of(length.initialStep().getAsInt());
    }
    return length.initialEpoch().isPresent()
        ? Optional.of(
            Math.multiplyExact(length.initialEpoch().getAsInt() - 1, plan.stepsPerEpoch()))
        : Optional.empty();
  }

  private static RunStart byFlags(RunLength length, RunPlan plan) {
    int step = wanted(length, plan).orElse(0);
    if (step == 0) {
      return BEGINNING;
    }
    List<String> notes = new ArrayList<>();
    notes.add(
        "the run counts from step %d on: learning rate and data are those of that place"
            .formatted(step));
    int inside = step % plan.stepsPerEpoch();
    if (!length.skipUntilInitialStep() && inside > 0) {
      step -= inside;
      notes.set(
          0,
          "--initial_step=%d lies inside an epoch: the run begins at the start of it, step %d (add --skip_until_initial_step to begin exactly there)"
              .formatted(step + inside, step));
    }
    return exactly(step, plan, Optional.empty(), notes);
  }

  private static RunStart exactly(
      int step, RunPlan plan, Optional<SavedState> state, List<String> notes) {
    return new RunStart(
        step,
        step / plan.stepsPerEpoch() + 1,
        step % plan.stepsPerEpoch() * plan.accumulation(),
        state,
        List.copyOf(notes));
  }

  /// The state to go on from as if nothing had happened.
  Optional<RunState> whole() {
    return state.flatMap(
        saved -> saved instanceof Whole whole ? Optional.of(whole.run()) : Optional.empty());
  }

  /// Whether the feed of a saved state stands inside the first epoch.
  boolean insideSavedEpoch() {
    return whole().map(run -> !run.epochDone()).orElse(false);
  }
}
