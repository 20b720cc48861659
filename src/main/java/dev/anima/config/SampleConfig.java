package dev.anima.config;

import static dev.anima.config.Checks.check;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// When sample pictures are drawn, and from which prompts.
///
/// @param everySteps optimizer steps between samples; empty when epochs count
/// @param everyEpochs epochs between samples
/// @param atFirst before the first step too
/// @param prompts prompt file; present whenever a sample is due
public record SampleConfig(
    OptionalInt everySteps, OptionalInt everyEpochs, boolean atFirst, Optional<Path> prompts) {

  public SampleConfig {
    boolean due = everySteps.isPresent() || everyEpochs.isPresent() || atFirst;
    check(
        !due || prompts.isPresent(),
        "sample pictures are asked for, but --sample_prompts is missing: give the prompt file");
    prompts.ifPresent(SampleConfig::checkEnding);
  }

  private static void checkEnding(Path file) {
    String name = file.getFileName().toString();
    check(
        List.of(".txt", ".toml", ".json").stream().anyMatch(name::endsWith),
        "--sample_prompts: %s must end in .txt, .toml or .json".formatted(name));
  }

  static SampleConfig of(Flags flags, Path workingDir) {
    OptionalInt epochs = positive(flags.maybeInteger("sample_every_n_epochs"));
    return new SampleConfig(
        epochs.isPresent()
            ? OptionalInt.empty()
            : positive(flags.maybeInteger("sample_every_n_steps")),
        epochs,
        flags.on("sample_at_first"),
        flags
            .path("sample_prompts")
            .map(path -> Checks.existing("sample_prompts", workingDir, path.toString())));
  }

  // As the reference: an interval of 0 or less is off.
  private static OptionalInt positive(OptionalInt interval) {
    return interval.orElse(0) > 0 ? interval : OptionalInt.empty();
  }
}
