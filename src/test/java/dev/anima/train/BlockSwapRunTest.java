package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// `--blocks_to_swap` in whole runs, with pictures and validation in between.
class BlockSwapRunTest {
  @TempDir Path folder;
  private TinyRun run;

  @BeforeEach
  void copyModels() throws IOException {
    run = new TinyRun(folder);
  }

  private static List<String> flags(String output, String... more) {
    return TinyRun.flags(
        "plain.toml",
        output,
        Stream.concat(
                Stream.of(
                    "--seed=7",
                    "--max_train_steps=3",
                    "--learning_rate=1e-2",
                    "--network_train_unet_only",
                    "--cache_latents",
                    "--cache_text_encoder_outputs",
                    "--network_dropout=0.1"),
                Stream.of(more))
            .toArray(String[]::new));
  }

  private List<byte[]> pictures(String output) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve(output + "/sample"))) {
      List<byte[]> pictures = new ArrayList<>();
      for (Path file : files.sorted().toList()) {
        pictures.add(Files.readAllBytes(file));
      }
      return pictures;
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"--mixed_precision=no", "--mixed_precision=bf16 --gradient_checkpointing"})
  void aRunIsTheSameToTheBit(String words) throws IOException {
    String[] more =
        Stream.concat(
                Stream.of(words.split(" ")),
                Stream.of(
                    "--sample_prompts=prompts.txt",
                    "--sample_every_n_steps=1",
                    "--validation_split=0.3",
                    "--validate_every_n_steps=1",
                    "--max_validation_steps=2"))
            .toArray(String[]::new);
    RunOutcome resident = run.train(flags("resident", more));
    List<Double> validations = List.copyOf(run.validations);
    assertThat(run.notes).noneMatch(note -> note.contains("wait in"));

    RunOutcome waiting =
        run.train(
            flags(
                "waiting",
                Stream.concat(Stream.of(more), Stream.of("--blocks_to_swap=3"))
                    .toArray(String[]::new)));

    assertThat(run.notes)
        .contains("3 of 3 DiT blocks wait in the model's file and are read ahead of their use");
    assertThat(waiting.losses()).hasSize(3).isEqualTo(resident.losses());
    assertThat(run.weights("waiting/nami.safetensors"))
        .isEqualTo(run.weights("resident/nami.safetensors"));
    assertThat(run.validations).hasSize(4).isEqualTo(validations);
    List<byte[]> pictures = pictures("waiting");
    assertThat(pictures).hasSize(6);
    for (int i = 0; i < pictures.size(); i++) {
      assertThat(pictures.get(i)).isEqualTo(pictures("resident").get(i));
    }
  }

  /// What a merged LoRA changes is in no file.
  @Test
  void baseWeightsAreMergedIntoSwappedBlocks() {
    run.train(flags("first", "--network_args", "exclude_patterns='.*mlp.*'"));
    String base = "--base_weights=first/nami.safetensors";
    RunOutcome resident = run.train(flags("resident", base));
    RunOutcome waiting = run.train(flags("waiting", base, "--blocks_to_swap=2"));

    assertThat(run.notes)
        .contains(
            "2 of 3 DiT blocks wait in the model's file and are read ahead of their use; what"
                + " --base_weights changes stays in memory");
    assertThat(waiting.losses()).isEqualTo(resident.losses());
    assertThat(run.weights("waiting/nami.safetensors"))
        .isEqualTo(run.weights("resident/nami.safetensors"));
  }

  @Test
  void eightBitBlocksSayThatNothingIsSwapped() {
    run.train(flags("packed", "--fp8_base", "--mixed_precision=bf16", "--blocks_to_swap=1"));

    assertThat(run.notes)
        .anySatisfy(note ->
            assertThat(note).startsWith("--blocks_to_swap has no effect: on the CPU, weights"));
  }

  @Test
  void moreBlocksThanThereAreIsAnError() {
    assertThatThrownBy(() -> run.train(flags("output", "--blocks_to_swap=4")))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--blocks_to_swap=4: the DiT has only 3 blocks\n  -> use 3 to swap all of them");
  }
}
