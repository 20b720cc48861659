package dev.anima.sample;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;

/// Where a run's sample pictures go, under the reference's names:
/// `OUTPUT_DIR/sample/[NAME_]e000004_00_20260131235959[_SEED].png`, with `000120` instead of
/// `e000004` where steps are counted.
///
/// @param outputDir `--output_dir`
/// @param outputName `--output_name`
/// @param clock of the time stamps, in the user's time zone
public record SampleNames(Path outputDir, Optional<String> outputName, Clock clock) {
  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("yyyyMMddHHmmss", Locale.ROOT);

  /// When in a run pictures are drawn.
  public sealed interface Moment {
    /// @param step optimizer steps done
    record AfterStep(int step) implements Moment {}

    /// @param epoch epochs done; 0 before training
    record AfterEpoch(int epoch) implements Moment {}
  }

  /// The folder of the pictures; perhaps not there yet.
  public Path folder() {
    return outputDir.resolve("sample");
  }

  /// The file for one picture that is finished now. The seed is part of the name where the prompt
  /// file gave one.
  public Path file(Moment moment, SamplePrompt prompt) {
    String when =
        switch (moment) {
          case Moment.AfterStep(int step) -> number("%06d", step);
          case Moment.AfterEpoch(int epoch) -> number("e%06d", epoch);
        };
    String seed =
        prompt.seed().isPresent() ? "_" + Long.toUnsignedString(prompt.seed().getAsLong()) : "";
    return folder()
        .resolve(
            outputName.map(name -> name + "_").orElse("")
                + when
                + number("_%02d_", prompt.number())
                + LocalDateTime.now(clock).format(STAMP)
                + seed
                + ".png");
  }

  /// As [#file], or with a number behind it if there is such a picture: rounds within one second,
  /// and a clock that is set back, must not cost one.
  Path free(Moment moment, SamplePrompt prompt) {
    Path file = file(moment, prompt);
    String stem = file.getFileName().toString().replace(".png", "");
    for (int i = 2; Files.exists(file); i++) {
      file = folder().resolve(stem + "_" + i + ".png");
    }
    return file;
  }

  // Latin digits, whatever the user's language.
  private static String number(String format, int number) {
    return String.format(Locale.ROOT, format, number);
  }
}
