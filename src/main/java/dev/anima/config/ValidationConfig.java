package dev.anima.config;

import static dev.anima.config.Checks.atLeastOne;

import java.util.OptionalInt;
import java.util.OptionalLong;

/// When the validation loss is taken, if any dataset has a validation split.
///
/// @param everySteps optimizer steps between passes
/// @param everyEpochs epochs between passes, 1 unless given
/// @param maxBatches batches of a pass at most
/// @param seed of every pass; empty means the run's seed
public record ValidationConfig(
    OptionalInt everySteps, int everyEpochs, OptionalInt maxBatches, OptionalLong seed) {

  public ValidationConfig {
    atLeastOne("validate_every_n_steps", everySteps);
    atLeastOne("validate_every_n_epochs", everyEpochs);
    atLeastOne("max_validation_steps", maxBatches);
  }

  static ValidationConfig of(Flags flags) {
    return new ValidationConfig(
        flags.maybeInteger("validate_every_n_steps"),
        flags.maybeInteger("validate_every_n_epochs").orElse(1),
        flags.maybeInteger("max_validation_steps"),
        flags.maybeLong("validation_seed"));
  }
}
