package dev.anima.config;

import static dev.anima.config.Checks.atLeastOne;
import static dev.anima.config.Checks.check;

import java.util.Optional;
import java.util.OptionalInt;

/// How a run measures what it has learnt (docs/validation.md).
///
/// @param images at most, of each kind (training, held out); 0 for no measures
/// @param everySteps optimizer steps between measures; empty for as often as the budget allows
/// @param stopWhenLearnt end the run when nothing gets better
/// @param patience measures in a row without improvement after which that is so
/// @param triggerWord tags to leave out for the measures without them; empty for derived ones
public record ProgressConfig(
    int images,
    OptionalInt everySteps,
    boolean stopWhenLearnt,
    int patience,
    Optional<String> triggerWord) {

  public ProgressConfig {
    check(
        images == 0 || images >= 2,
        "--progress_images must be 0 (off) or at least 2, got %d".formatted(images));
    atLeastOne("progress_every_n_steps", everySteps);
    atLeastOne("learnt_patience", patience);
    check(
        !stopWhenLearnt || images > 0,
        "--stop_when_learnt needs measures of progress, and --progress_images=0 switches them off\n"
            + "  -> drop one of them");
    check(
        triggerWord.map(word -> !word.isBlank()).orElse(true),
        "--trigger_word must not be empty: give the tag that calls what is learnt");
  }

  static ProgressConfig of(Flags flags) {
    return new ProgressConfig(
        flags.integer("progress_images"),
        flags.maybeInteger("progress_every_n_steps"),
        flags.on("stop_when_learnt"),
        flags.integer("learnt_patience"),
        flags.text("trigger_word").map(String::strip));
  }
}
