package dev.anima.train;

import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;

/// The end of a run whose files went bad under it: what it learnt is saved, and how to go on is
/// said. Before it has learnt anything, a file that cannot be read is wrong input as any other.
final class BrokenOff {
  private final TrainSetup setup;
  private final Checkpoints checkpoints;
  private final RunStates states;

  BrokenOff(TrainSetup setup, Checkpoints checkpoints, RunStates states) {
    this.setup = setup;
    this.checkpoints = checkpoints;
    this.states = states;
  }

  /// Before a batch that cannot be loaded.
  ///
  /// @param step optimizer steps done
  /// @param betweenSteps whether no gradients wait for a step, so that a state can be saved: the
  ///   run then goes on at the very batch
  /// @param handedOut whether the data has handed out the batch already
  RuntimeException before(
      InputException problem, int step, int epoch, boolean betweenSteps, boolean handedOut) {
    return end(
        problem,
        step,
        epoch,
        () -> {
          if (betweenSteps) {
            states.beforeLostBatch(step, epoch, handedOut);
          }
        });
  }

  /// In a validation: the newest state lies before it.
  RuntimeException inValidation(InputException problem, int step, int epoch) {
    return end(problem, step, epoch, () -> {});
  }

  private RuntimeException end(InputException problem, int step, int epoch, Runnable saveState) {
    if (step <= setup.start().step() || !setup.team().isAlone()) {
      return problem; // what a team has learnt is saved by its [Rescue]
    }
    try {
      checkpoints.onRequest(step, epoch);
      saveState.run();
    } catch (InputException | RunFailedException e) {
      problem.addSuppressed(e);
    }
    return new RunFailedException(
        "%s; training ended after step %d, %s. %s"
            .formatted(
                problem.getMessage(),
                step,
                checkpoints.describeLast(),
                states
                    .resumption()
                    .map(command -> "When the file is back: " + command)
                    .orElse("There is no state to go on from (--state_every_minutes makes one)")),
        problem);
  }
}
