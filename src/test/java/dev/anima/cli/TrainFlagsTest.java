package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.TinyFiles;
import dev.anima.config.LoggingConfig.Level;
import dev.anima.io.SafetensorsFile;
import dev.anima.train.TrainEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Flags that change what a run tells and writes, not what it learns.
class TrainFlagsTest {
  @TempDir Path folder;
  private final Screen screen = new Screen();

  @BeforeEach
  void lay() throws IOException {
    TinyFiles.lay(folder);
  }

  private int train(String... more) {
    List<String> words =
        TinyFiles.train(
            folder,
            "output",
            "--max_train_steps=1",
            "--qwen3_max_token_length=32",
            "--t5_max_token_length=32");
    words.addAll(List.of(more));
    return Main.run(words, screen.console);
  }

  @Test
  void warnsOfFlagsThatDoNothing() {
    assertThat(train("--noise_offset=0.1", "--torch_compile", "--wandb_run_name=x")).isZero();
    assertThat(screen.err())
        .contains("warning: --noise_offset has no effect", "warning: --torch_compile has no effect")
        .contains("warning: --wandb_run_name has no effect");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "wandb; warning: --log_with has no effect: nothing is sent to Weights & Biases; --log_with=tensorboard",
        "all; warning: --log_with=all: TensorBoard files are written, but nothing is sent to Weights & Biases"
      })
  void saysThatNothingIsSentToWeightsAndBiases(String with, String warning) {
    assertThat(train("--log_with=" + with, "--logging_dir=" + folder.resolve("logs"))).isZero();
    assertThat(screen.err()).contains(warning);
    assertThat(folder.resolve("logs").toFile().exists()).isEqualTo(with.equals("all"));
  }

  @Test
  void aLogFileTakesWhatTheTerminalWouldShow() throws IOException {
    Path log = Files.writeString(folder.resolve("run.log"), "from before\n");

    assertThat(train("--console_log_file=" + log)).isZero();

    assertThat(log).content().contains("training: 1 steps", "saved ").doesNotContain("from before");
    assertThat(screen.err()).doesNotContain("training: 1 steps", "saved ");
  }

  @Test
  void aHigherLevelTellsLess() throws IOException {
    Files.createDirectories(folder.resolve("output"));
    Files.writeString(folder.resolve("output/nami.safetensors"), "old");

    assertThat(train("--console_log_level=WARNING")).isZero();
    assertThat(screen.err()).contains("note: ").doesNotContain("training: 1 steps", "saved ");

    Screen quiet = new Screen();
    try (ConsoleListener listener = new ConsoleListener(quiet.console, Level.ERROR)) {
      listener.on(new TrainEvent.Note("x"));
    }
    assertThat(quiet.err()).isEmpty();
  }

  @Test
  void theLogRecordsTheFlagsWithoutPathsAndSecrets() throws IOException {
    Path logs = folder.resolve("logs");

    assertThat(train("--logging_dir=" + logs, "--log_config", "--wandb_api_key=secret")).isZero();

    Path events;
    try (Stream<Path> files = Files.walk(logs)) {
      events = files.filter(Files::isRegularFile).findFirst().orElseThrow();
    }
    String bytes = Files.readString(events, StandardCharsets.ISO_8859_1);
    assertThat(bytes)
        .contains("flags/text_summary", "| --learning_rate | 0.001 |", "| --seed | 1 |")
        .doesNotContain("secret", folder.toString());
  }

  @Test
  void theDistributionOfTimestepsIsShownInsteadOfTraining() {
    assertThat(train("--show_timesteps=console", "--weighting_scheme=cosmap")).isZero();
    assertThat(screen.out().lines().filter(line -> line.contains("loss weight"))).hasSize(40);
    assertThat(screen.out()).contains("  975-1000 |", "      0-25 |", "--weighting_scheme=cosmap");

    assertThat(train("--show_timesteps=image")).isZero();
    Path picture = folder.resolve("output/nami-timesteps.png");
    assertThat(screen.out()).contains("wrote " + picture);
    assertThat(picture).isNotEmptyFile();
    assertThat(folder.resolve("output/nami.safetensors")).doesNotExist();
  }

  @Test
  void debugDatasetReportsAndStops() {
    assertThat(train("--debug_dataset")).isZero();

    assertThat(screen.out()).contains("images", "batches");
    assertThat(folder.resolve("output/nami.safetensors")).doesNotExist();
  }

  @Test
  void theDescriptionIsWrittenWithTheThumbnail() throws IOException {
    Path picture = folder.resolve("dataset/style/pic_a.png");

    assertThat(
            train(
                "--metadata_author=me",
                "--metadata_trigger_phrase=nami",
                "--metadata_thumbnail=" + picture))
        .isZero();

    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("output/nami.safetensors"))) {
      assertThat(file.metadata())
          .containsEntry("modelspec.author", "me")
          .containsEntry("modelspec.trigger_phrase", "nami")
          .containsEntry("modelspec.title", "nami")
          .containsEntry(
              "modelspec.thumbnail",
              "data:image/png;base64,"
                  + Base64.getEncoder().encodeToString(Files.readAllBytes(picture)));
    }
    assertThat(train("--metadata_thumbnail=nowhere.png")).isEqualTo(2);
    assertThat(screen.err()).contains("--metadata_thumbnail", "nowhere.png");
  }

  @Test
  void anotherT5TokenizerIsRead() throws IOException {
    assertThat(train("--t5_tokenizer_path=" + folder.resolve("dataset"))).isEqualTo(2);
    assertThat(screen.err()).contains("holds no tokenizer.json");

    Path own = Files.createDirectory(folder.resolve("t5"));
    try (var json = Screen.class.getResourceAsStream("/dev/anima/tokenizers/t5/tokenizer.json")) {
      Files.write(own.resolve("tokenizer.json"), Objects.requireNonNull(json).readAllBytes());
    }
    assertThat(train("--t5_tokenizer_path=" + own)).isZero();
  }

  @Test
  void smallImagesAreLeftOut() {
    assertThat(train("--skip_image_resolution=10000")).isEqualTo(2);
    assertThat(screen.err()).contains("no images found");
    assertThat(train("--skip_image_resolution=1")).isZero();
  }
}
