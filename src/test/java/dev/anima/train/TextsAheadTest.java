package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.anima.config.FlagsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// While steps are made, models that are not needed are not in memory. The tiny models' files have
/// the dtype of the runs, so a loaded model lies in the mapping of its file, which Linux lists.
class TextsAheadTest {
  private static final Path MAPS = Path.of("/proc/self/maps");

  @TempDir Path folder;

  @BeforeEach
  void lay() throws IOException {
    assumeThat(MAPS).exists();
    var _ = new TinyRun(folder);
  }

  /// Files of this test's models that are mapped now.
  private List<String> mapped() {
    try {
      return Files.readAllLines(MAPS).stream()
          .filter(line -> line.contains(folder.resolve("models").toString()))
          .map(line -> Path.of(line.substring(line.indexOf('/'))).getFileName().toString())
          .distinct()
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /// What was mapped after each micro-batch and after each validation.
  private List<List<String>> mappedInSteps(List<String> flags) {
    List<List<String>> seen = new ArrayList<>();
    TrainListener listener =
        event -> {
          if (event instanceof TrainEvent.BatchDone || event instanceof TrainEvent.Validated) {
            seen.add(mapped());
          }
        };
    TrainSetup setup = TrainSetup.of(FlagsReader.read(flags, folder).flags(), folder);
    try (TrainingRun run = new TrainingRun(setup, listener, "anima/test")) {
      run.run(() -> false);
    }
    return seen;
  }

  @ParameterizedTest
  @ValueSource(strings = {"article.toml", "plain.toml"})
  void shuffledOrNotTheTextEncoderIsGoneInEveryStep(String dataset) throws IOException {
    withValidation(dataset);

    List<List<String>> seen =
        mappedInSteps(
            TinyRun.flags(
                dataset,
                "output",
                "--network_train_unet_only",
                "--cache_latents",
                "--max_train_epochs=2",
                "--validate_every_n_steps=2",
                "--sample_prompts=prompts.txt",
                "--sample_every_n_steps=3",
                "--sample_at_first",
                "--seed=5"));

    // Had a caption been foreseen wrongly, it would have been loaded in the step.
    assertThat(seen).hasSizeGreaterThan(6).containsOnly(List.of("dit.safetensors"));
  }

  @Test
  void withCachedTextTheTextEncoderIsGoneInEveryStep() {
    List<List<String>> seen =
        mappedInSteps(
            TinyRun.flags(
                "plain.toml",
                "output",
                "--network_train_unet_only",
                "--cache_latents",
                "--cache_text_encoder_outputs",
                "--max_train_steps=3"));

    assertThat(seen).hasSize(3).containsOnly(List.of("dit.safetensors"));
  }

  @Test
  void withTheAdapterTrainedTheTextEncoderIsGoneInEveryStep() {
    List<List<String>> seen =
        mappedInSteps(
            TinyRun.flags(
                "article.toml",
                "output",
                "--network_train_unet_only",
                "--network_args",
                "train_llm_adapter=True",
                "--cache_latents",
                "--max_train_steps=3"));

    assertThat(seen).hasSize(3).containsOnly(List.of("dit.safetensors"));
  }

  @Test
  void aTextEncoderThatTrainsStays() {
    List<List<String>> seen =
        mappedInSteps(TinyRun.flags("article.toml", "output", "--max_train_steps=2"));

    // The VAE too: without --cache_latents every picture goes through it again.
    assertThat(seen)
        .hasSize(2)
        .containsOnly(List.of("dit.safetensors", "qwen3.safetensors", "vae.safetensors"));
  }

  private void withValidation(String dataset) throws IOException {
    Path file = folder.resolve(dataset);
    Files.writeString(
        file, Files.readString(file).replace("[general]", "[general]\nvalidation_split = 0.3"));
  }
}
