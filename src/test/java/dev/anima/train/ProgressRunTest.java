package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Measures of progress in whole runs of the tiny model.
class ProgressRunTest {
  /// Learns for 12 steps, then stands still: the rate is 0.
  private static final String[] STANDS_STILL = {
    "--network_train_unet_only",
    "--learning_rate=1e-2",
    "--lr_scheduler_type=StepLR",
    "--lr_scheduler_args",
    "step_size=12",
    "gamma=0.0",
    "--max_train_steps=40",
    "--cache_latents",
    "--progress_every_n_steps=4",
    "--seed=5"
  };

  @TempDir Path folder;
  private TinyRun runs;

  @BeforeEach
  void lay() throws IOException {
    runs = new TinyRun(folder);
  }

  private static String[] and(String[] flags, String... more) {
    return TinyRun.with(List.of(flags), more).toArray(String[]::new);
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(
      strings = {
        "",
        "--network_train_unet_only",
        "--cache_latents",
        "--network_train_unet_only --cache_latents --cache_text_encoder_outputs",
        "--network_train_unet_only --optimizer_type=AdamWScheduleFree",
        "--network_train_unet_only --blocks_to_swap=1 --gradient_checkpointing --mixed_precision=bf16",
        "--network_train_unet_only --mixed_precision=bf16 --fp8_base --gradient_accumulation_steps=2",
        "--network_args train_llm_adapter=True"
      })
  void trainingIsTheSameToTheBitWithAndWithoutMeasures(String more) {
    String dataset = more.contains("cache_text") ? "plain.toml" : "article.toml";
    List<String> flags = new ArrayList<>(List.of("--learning_rate=1e-3", "--network_dropout=0.1"));
    flags.add("--max_train_steps=7");
    flags.add("--seed=3");
    if (!more.isEmpty()) {
      flags.addAll(List.of(more.split(" ")));
    }
    List<String> off = TinyRun.flags(dataset, "off", flags.toArray(String[]::new));
    RunOutcome without = runs.train(TinyRun.with(off, "--progress_images=0"));
    assertThat(runs.measures).isEmpty();

    List<String> on = TinyRun.flags(dataset, "on", flags.toArray(String[]::new));
    RunOutcome measured = runs.train(TinyRun.with(on, "--progress_every_n_steps=2"));

    assertThat(runs.measures).extracting(TrainEvent.Measured::step).containsExactly(2, 4, 6, 7);
    assertThat(runs.measures)
        .allSatisfy(measure -> {
          assertThat(measure.bands()).hasSize(4);
          assertThat(measure.withoutTrigger()).isPresent();
        });
    assertThat(measured.losses()).isEqualTo(without.losses());
    assertThat(runs.weights("on/nami.safetensors")).isEqualTo(runs.weights("off/nami.safetensors"));
  }

  @Test
  void aRunThatLearnsAndThenStandsStillIsLearnt() {
    runs.train(TinyRun.flags("plain.toml", "out", STANDS_STILL));

    List<String> verdicts = runs.measures.stream().map(TrainEvent.Measured::verdict).toList();
    assertThat(verdicts.getFirst()).isEqualTo("learning");
    assertThat(verdicts.getLast()).isEqualTo("learnt");
    assertThat(runs.measures.getLast().difference().isBelowZero()).isTrue();
    assertThat(runs.measures.getLast().difference())
        .isEqualTo(runs.measures.get(runs.measures.size() - 2).difference());
    assertThat(runs.early).isEmpty();
    assertThat(runs.steps).endsWith(40);
  }

  @Test
  void stopWhenLearntSavesAndSaysWhy() throws IOException {
    RunOutcome outcome =
        runs.train(
            TinyRun.flags(
                "plain.toml", "out", and(STANDS_STILL, "--stop_when_learnt", "--save_state")));

    assertThat(runs.early).hasSize(1);
    int end = runs.early.getFirst().step();
    assertThat(end).isLessThan(40).isEqualTo(runs.steps.getLast());
    assertThat(runs.early.getFirst().reason()).startsWith("learnt").contains("3 measures");
    assertThat(outcome.stopped()).isFalse();
    assertThat(runs.names("out")).containsExactly("nami-state", "nami.safetensors");
    assertThat(runs.notes).anyMatch(note -> note.startsWith("best: "));
  }

  @ParameterizedTest(name = "stopped after step {0}")
  @ValueSource(ints = {3, 8, 14})
  void aResumedRunMeasuresTheSame(int stop) {
    String[] flags = and(STANDS_STILL, "--save_state", "--stop_when_learnt");
    runs.train(TinyRun.flags("plain.toml", "whole", flags));
    List<TrainEvent.Measured> whole = List.copyOf(runs.measures);
    int end = runs.steps.getLast();

    runs.train(TinyRun.flags("plain.toml", "parts", flags), stop);
    List<TrainEvent.Measured> parts = new ArrayList<>(runs.measures);
    List<String> again = TinyRun.flags("plain.toml", "parts", flags);
    runs.train(TinyRun.with(again, "--resume=parts/nami-step%08d-state".formatted(stop)));
    parts.addAll(runs.measures);

    assertThat(parts).isEqualTo(whole);
    assertThat(runs.steps.getLast()).isEqualTo(end);
    assertThat(runs.weights("parts/nami.safetensors"))
        .isEqualTo(runs.weights("whole/nami.safetensors"));
    assertThat(withoutBest("parts/nami-state/progress.json"))
        .isEqualTo(withoutBest("whole/nami-state/progress.json"));
  }

  /// A stop leaves a file of its own, which may be the best.
  private String withoutBest(String file) {
    return read(file).replaceAll("\"best\":(null|\\{[^}]*\\}),", "");
  }

  private String read(String file) {
    try {
      return Files.readString(folder.resolve(file));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void theBestFileOutlivesRetention() throws IOException {
    Files.createDirectories(folder.resolve("out/nami.run"));
    runs.train(
        TinyRun.flags(
            "plain.toml",
            "out",
            and(STANDS_STILL, "--save_every_n_steps=4", "--save_last_n_steps=4")));

    TrainEvent.BestMarked best = runs.bests.getLast();
    assertThat(best.step()).isLessThanOrEqualTo(12);
    String name = best.file().getFileName().toString();
    assertThat(runs.names("out")).doesNotContain(name);
    assertThat(runs.names("out/nami.run"))
        .containsExactlyInAnyOrder(
            "best-" + name, "pictures.csv", "progress.json", "subsets.csv", "tags.csv");
    assertThat(runs.notes).anyMatch(note -> note.startsWith("best: best-" + name));
    assertThat(read("out/nami.run/progress.json")).contains("best-" + name, "\"learnt\"");
    assertThat(read("out/nami.run/pictures.csv")).contains("pic_a.png,style,");
    assertThat(read("out/nami.run/tags.csv")).contains("\nkyhu style,", "\nsolo,");
  }

  /// Trained on white pictures, held out are black ones: first any training helps both, then what
  /// helps the one hurts the other.
  @Test
  void aRunWithHeldOutPicturesIsCaughtMemorising() throws IOException {
    pictures("white", 8, 255);
    pictures("black", 8, 0);
    Files.writeString(
        folder.resolve("two.toml"),
        """
        [general]
        resolution = 64
        caption_extension = ".txt"
        enable_bucket = true
        min_bucket_reso = 64
        [[datasets]]
        batch_size = 4
        [[datasets.subsets]]
        image_dir = "white"
        num_repeats = 20
        [[datasets]]
        batch_size = 1
        validation_split = 0.9
        validation_seed = 1
        [[datasets.subsets]]
        image_dir = "black"
        """);
    runs.train(
        TinyRun.flags(
            "two.toml",
            "out",
            "--network_train_unet_only",
            "--network_dim=16",
            "--learning_rate=1e-2",
            "--max_train_steps=300",
            "--cache_latents",
            "--progress_every_n_steps=25",
            "--seed=5"));

    assertThat(runs.measures).allMatch(TrainEvent.Measured::heldOut);
    assertThat(runs.measures)
        .extracting(
            measure -> measure.summary() + " / " + TrainEvent.Measured.percent(measure.training()))
        .anyMatch(line -> line.startsWith("memorising"));
  }

  private void pictures(String name, int count, int grey) throws IOException {
    SplittableRandom random = new SplittableRandom(grey);
    Files.createDirectories(folder.resolve(name));
    for (int i = 0; i < count; i++) {
      BufferedImage image = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
      for (int pixel = 0; pixel < 64 * 64; pixel++) {
        int value = Math.abs(grey - random.nextInt(4));
        image.setRGB(pixel % 64, pixel / 64, 0x010101 * value);
      }
      ImageIO.write(image, "png", folder.resolve(name + "/p%02d.png".formatted(i)).toFile());
      Files.writeString(folder.resolve(name + "/p%02d.txt".formatted(i)), "nami, tag" + i);
    }
  }

  @Test
  void aShortRunSaysThatItIsNotMeasured() {
    List<String> flags =
        TinyRun.flags("plain.toml", "out", "--max_train_steps=3", "--network_train_unet_only");
    runs.train(flags);

    assertThat(runs.measures).isEmpty();
    assertThat(runs.notes).anyMatch(note -> note.startsWith("progress is not measured: 3 %"));
    assertThatThrownBy(() -> runs.train(TinyRun.with(flags, "--stop_when_learnt")))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll("--stop_when_learnt", "--progress_every_n_steps");
    assertThatThrownBy(
            () -> runs.train(TinyRun.with(flags, "--stop_when_learnt", "--progress_images=0")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--progress_images=0");
    assertThatThrownBy(() -> runs.train(TinyRun.with(flags, "--progress_images=1")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("at least 2, got 1");
  }
}
