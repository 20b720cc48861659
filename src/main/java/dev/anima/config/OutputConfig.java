package dev.anima.config;

import static dev.anima.config.Checks.atLeastOne;
import static dev.anima.config.Checks.check;

import dev.anima.io.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/// What a run writes, and when.
///
/// @param dir folder for everything; made when the run starts
/// @param name base name of the files
/// @param precision type of the saved tensors; empty means as trained
/// @param every checkpoint intervals
/// @param keep which checkpoints stay
/// @param saveState also what resuming needs, beside every checkpoint and at the end
/// @param saveStateOnTrainEnd the same at the end only
/// @param stateEvery time between rolling states; zero for none
public record OutputConfig(
    Path dir,
    Optional<String> name,
    Optional<SavedType> precision,
    Intervals every,
    Retention keep,
    boolean saveState,
    boolean saveStateOnTrainEnd,
    Duration stateEvery) {

  /// Element types of a saved file.
  public enum SavedType {
    FLOAT,
    FP16,
    BF16
  }

  /// Checkpoint intervals; empty means none.
  ///
  /// @param epochRatio about so many epoch checkpoints in a run, instead of `epochs`
  public record Intervals(OptionalInt epochs, OptionalInt steps, OptionalInt epochRatio) {
    public Intervals {
      atLeastOne("save_every_n_epochs", epochs);
      atLeastOne("save_every_n_steps", steps);
      atLeastOne("save_n_epoch_ratio", epochRatio);
    }

    /// Epochs between checkpoints in a run of `totalEpochs`.
    public OptionalInt epochInterval(int totalEpochs) {
      return epochRatio.isPresent()
          ? OptionalInt.of(Math.max(1, totalEpochs / epochRatio.getAsInt()))
          : epochs;
    }
  }

  /// How many epochs or steps back checkpoints and states are kept; empty means all.
  public record Retention(
      OptionalInt epochs, OptionalInt epochStates, OptionalInt steps, OptionalInt stepStates) {
    public Retention {
      notZero("save_last_n_epochs", epochs);
      notZero("save_last_n_steps", steps);
    }

    private static void notZero(String flag, OptionalInt value) {
      check(
          value.orElse(1) != 0,
          "--%s=0 would delete each checkpoint as soon as it is written\n  -> drop the flag to keep all"
              .formatted(flag));
    }

    static Retention of(Flags flags) {
      OptionalInt epochs = flags.maybeInteger("save_last_n_epochs");
      OptionalInt steps = flags.maybeInteger("save_last_n_steps");
      return new Retention(
          epochs,
          orElse(flags.maybeInteger("save_last_n_epochs_state"), epochs),
          steps,
          orElse(flags.maybeInteger("save_last_n_steps_state"), steps));
    }

    private static OptionalInt orElse(OptionalInt own, OptionalInt other) {
      return own.orElse(0) != 0 ? own : other;
    }
  }

  public OutputConfig {
    check(
        !Files.exists(dir) || Files.isDirectory(dir),
        "--output_dir: %s is a file, not a folder".formatted(dir));
  }

  private static Duration stateEvery(Flags flags) {
    double minutes = flags.number("state_every_minutes");
    check(
        minutes >= 0 && minutes <= 100_000,
        "--state_every_minutes must be 0 (never) or a number of minutes, got %s"
            .formatted(minutes));
    return Duration.ofMillis(Math.round(minutes * 60_000));
  }

  static OutputConfig of(Flags flags, Path workingDir) {
    String dir = flags.text("output_dir", "");
    if (dir.isEmpty()) {
      throw new InputException("--output_dir is missing: give the folder for the LoRA file");
    }
    String form = flags.text("save_model_as", "safetensors");
    check(
        form.equals("safetensors"),
        "--save_model_as=%s: only safetensors is written (a .%s file can hold programs)"
            .formatted(form, form));
    return new OutputConfig(
        workingDir.resolve(dir),
        flags.text("output_name").filter(name -> !name.isEmpty()),
        flags
            .text("save_precision")
            .map(text -> Checks.choice(SavedType.values(), Checks::lower, text)),
        new Intervals(
            flags.maybeInteger("save_every_n_epochs"),
            flags.maybeInteger("save_every_n_steps"),
            flags.maybeInteger("save_n_epoch_ratio")),
        Retention.of(flags),
        flags.on("save_state"),
        flags.on("save_state_on_train_end"),
        stateEvery(flags));
  }
}
