package dev.anima.config;

import static dev.anima.config.Checks.atLeastOne;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// How long a run goes on and where it begins.
///
/// @param maxSteps optimizer steps, where `maxEpochs` is empty
/// @param accumulation batches per optimizer step
/// @param seed number that all random draws follow from; empty draws one
/// @param resume state folder to go on from
/// @param skipUntilInitialStep pass over the data before the initial step
public record RunLength(
    int maxSteps,
    OptionalInt maxEpochs,
    int accumulation,
    OptionalLong seed,
    Optional<Path> resume,
    OptionalInt initialEpoch,
    OptionalInt initialStep,
    boolean skipUntilInitialStep) {

  public RunLength {
    atLeastOne("max_train_steps", maxSteps);
    atLeastOne("max_train_epochs", maxEpochs);
    atLeastOne("gradient_accumulation_steps", accumulation);
    atLeastOne("initial_epoch", initialEpoch);
    initialStep.ifPresent(step -> Checks.notNegative("initial_step", step));
  }

  /// Optimizer steps of one epoch; an incomplete accumulation window at its end counts as one.
  public int stepsPerEpoch(int batchesPerEpoch) {
    return Math.ceilDiv(batchesPerEpoch, accumulation);
  }

  /// Optimizer steps of the whole run.
  public int totalSteps(int batchesPerEpoch) {
    return maxEpochs.isPresent()
        ? Math.multiplyExact(maxEpochs.getAsInt(), stepsPerEpoch(batchesPerEpoch))
        : maxSteps;
  }

  /// Epochs begun; the last one may end early.
  public int epochs(int batchesPerEpoch) {
    return Math.ceilDiv(totalSteps(batchesPerEpoch), stepsPerEpoch(batchesPerEpoch));
  }

  static RunLength of(Flags flags, Path workingDir) {
    return new RunLength(
        flags.integer("max_train_steps"),
        flags.maybeInteger("max_train_epochs"),
        flags.integer("gradient_accumulation_steps"),
        flags.maybeLong("seed"),
        flags.path("resume").map(path -> Checks.existing("resume", workingDir, path.toString())),
        flags.maybeInteger("initial_epoch"),
        flags.maybeInteger("initial_step"),
        flags.on("skip_until_initial_step"));
  }
}
