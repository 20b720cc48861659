package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anima.Golden;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Pictures and caches that go bad or change, while a run goes on and between two runs.
class LostFilesTest {
  @TempDir Path folder;
  private TinyRun runs;

  @BeforeEach
  void lay() throws IOException {
    runs = new TinyRun(folder);
  }

  private static List<String> flags(String output, String... more) {
    List<String> flags =
        TinyRun.flags(
            "article.toml",
            output,
            "--network_train_unet_only",
            "--learning_rate=1e-3",
            "--network_dropout=0.1",
            "--max_train_epochs=3",
            "--seed=5");
    flags.addAll(List.of(more));
    return flags;
  }

  /// Does something to the files when `step` steps are done.
  private void atStep(int step, Runnable action) {
    runs.also =
        event -> {
          if (event instanceof TrainEvent.BatchDone done && done.step() == step) {
            action.run();
          }
        };
  }

  private void forEachFile(String ending, java.util.function.Consumer<Path> action) {
    try (Stream<Path> files = Files.walk(folder.resolve("dataset"))) {
      files.filter(file -> file.toString().endsWith(ending)).toList().forEach(action);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void move(Path from, Path to) {
    try {
      Files.createDirectories(to.getParent());
      Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void takeAway(String ending) {
    forEachFile(ending, file -> move(file, away(file)));
  }

  private Path away(Path file) {
    return folder.resolve("away").resolve(folder.resolve("dataset").relativize(file));
  }

  private void bringBack(String ending) throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("away"))) {
      files
          .filter(file -> file.toString().endsWith(ending))
          .toList()
          .forEach(file ->
              move(
                  file,
                  folder.resolve("dataset").resolve(folder.resolve("away").relativize(file))));
    }
  }

  /// Step 9 is the last of the first epoch: the batch that is lost is the first of the second.
  @ParameterizedTest(name = "{0} are lost after step {1}")
  @CsvSource({"png,4", "png,8", "npz,4", "npz,9"})
  void aRunEndsWithWhatItLearntAndGoesOnWhenTheFilesAreBack(String files, int step)
      throws IOException {
    String[] cache = files.equals("npz") ? new String[] {"--cache_latents_to_disk"} : new String[0];
    RunOutcome whole = runs.train(flags("whole", cache));
    atStep(step, () -> takeAway("." + files));

    assertThatThrownBy(() -> runs.train(flags("parts", cache)))
        .isInstanceOf(RunFailedException.class)
        .hasMessageMatching(
            "(?s).*dataset.*\\.%s: .*; training ended after step \\d+, the last checkpoint is .*nami-step\\d+\\.safetensors\\. When the file is back: anima resume .*nami\\.run"
                .formatted(files));

    int ended = runs.steps.getLast();
    assertThat(ended).isBetween(step, step + 1); // pictures are decoded one batch ahead
    assertThat(runs.names("parts")).contains("nami-step%08d.safetensors".formatted(ended));
    List<Double> losses = new ArrayList<>(whole.losses().subList(0, ended));
    bringBack("." + files);
    runs.also = _ -> {};
    List<String> again = flags("parts", cache);
    again.add("--resume=parts/nami.run/state-step%08d".formatted(ended));

    losses.addAll(runs.train(again).losses());

    assertThat(losses).isEqualTo(whole.losses());
    assertThat(runs.weights("parts/nami.safetensors"))
        .isEqualTo(runs.weights("whole/nami.safetensors"));
  }

  /// Text outputs on disk are read when a batch needs them, not all before the first.
  @Test
  void lostTextOutputsEndTheRunInTheSameWay() throws IOException {
    String[] more = {"--dataset_config=plain.toml", "--cache_text_encoder_outputs_to_disk"};
    RunOutcome whole = runs.train(flags("whole", more));
    atStep(1, () -> takeAway("_anima_te.npz"));

    assertThatThrownBy(() -> runs.train(flags("parts", more)))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContainingAll("_anima_te.npz", "training ended after step");

    int ended = runs.steps.getLast();
    bringBack(".npz");
    runs.also = _ -> {};
    List<String> again = flags("parts", more);
    again.add("--resume=parts/nami.run/state-step%08d".formatted(ended));
    assertThat(runs.train(again).losses())
        .isEqualTo(whole.losses().subList(ended, whole.losses().size()));
    assertThat(runs.weights("parts/nami.safetensors"))
        .isEqualTo(runs.weights("whole/nami.safetensors"));
  }

  /// Gradients of half a step cannot be saved, weights can.
  @Test
  void insideAStepOnlyTheWeightsAreKept() throws IOException {
    int[] batches = {0};
    runs.also =
        event -> {
          if (event instanceof TrainEvent.BatchDone && ++batches[0] == 4) {
            takeAway(".npz");
          }
        };
    assertThatThrownBy(() ->
            runs.train(flags("out", "--cache_latents_to_disk", "--gradient_accumulation_steps=3")))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContainingAll(
            "training ended after step 1, the last checkpoint is",
            "There is no state to go on from (--state_every_minutes makes one)");
    assertThat(runs.names("out")).contains("nami-step00000001.safetensors");
    assertThat(runs.states).isEmpty();
  }

  @Test
  void theFirstBatchHasTaughtNothing() throws IOException {
    runs.also =
        event -> {
          if (event instanceof TrainEvent.Started) {
            takeAway(".npz");
          }
        };
    assertThatThrownBy(() -> runs.train(flags("out", "--cache_latents_to_disk")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(".npz");
    assertThat(runs.names("out")).isEmpty();
  }

  @Test
  void aValidationThatCannotReadItsImagesEndsTheRunToo() throws IOException {
    atStep(2, () -> takeAway(".npz"));
    assertThatThrownBy(() ->
            runs.train(
                flags(
                    "out",
                    "--cache_latents_to_disk",
                    "--validation_split=0.3",
                    "--validation_seed=1",
                    "--validate_every_n_steps=2")))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContainingAll(
            ".npz", "training ended after step 2, the last checkpoint is", "nami-step00000002");
  }

  // ---- caches ---------------------------------------------------------------------------------

  private int encoded(List<String> flags) {
    int[] images = {-1};
    runs.also =
        event -> {
          if (event instanceof TrainEvent.PhaseStarted phase
              && phase.name().equals("caching latents")) {
            images[0] = phase.total();
          }
        };
    runs.train(flags);
    return images[0];
  }

  private List<String> oneStep() {
    return TinyRun.flags(
        "plain.toml",
        "out",
        "--network_train_unet_only",
        "--max_train_steps=1",
        "--cache_latents_to_disk");
  }

  /// Another picture of the same size and name, with an older date, as copying and unzipping make.
  @Test
  void aReplacedPictureIsNoticedWhateverItsDate() throws IOException {
    assertThat(encoded(oneStep())).isEqualTo(6);
    assertThat(encoded(oneStep())).isZero();
    Path picture = folder.resolve("dataset/style/pic_a.png");
    byte[] other = Files.readAllBytes(picture);
    Files.write(picture, mirrored(picture)); // the same size, another content
    assertThat(Files.readAllBytes(picture)).isNotEqualTo(other);
    Files.setLastModifiedTime(picture, FileTime.fromMillis(1_000_000_000_000L));

    assertThat(encoded(oneStep())).isEqualTo(1);
    assertThat(runs.notes)
        .contains(
            picture
                + " is not the image that its cached latents were made from; they are made again");
    assertThat(encoded(oneStep())).isZero();
  }

  private static byte[] mirrored(Path picture) {
    return dev.anima.io.PngWriter.encode(dev.anima.io.ImageFile.load(picture).mirrored());
  }

  /// Copying a dataset changes dates: that alone is no reason to encode it again.
  @Test
  void aTouchedPictureIsNotEncodedAgain() throws IOException {
    assertThat(encoded(oneStep())).isEqualTo(6);
    forEachFile(
        ".png",
        file -> {
          try {
            Files.setLastModifiedTime(
                file, FileTime.fromMillis(System.currentTimeMillis() + 100_000));
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
    assertThat(encoded(oneStep())).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"latents", "captions"})
  @DisabledOnOs(OS.WINDOWS)
  void aFolderThatCannotBeWrittenToCostsMemoryOnly(String cached) throws Exception {
    boolean latents = cached.equals("latents");
    List<String> flags =
        TinyRun.flags(
            "plain.toml",
            "out",
            "--network_train_unet_only",
            "--max_train_steps=4",
            "--seed=3",
            latents ? "--cache_latents_to_disk" : "--cache_text_encoder_outputs_to_disk");
    RunOutcome usual = runs.train(flags);
    Path dataset = folder.resolve("dataset");
    Path copy = folder.resolve("copy");
    Golden.copyFolder(Golden.path("training/e2e/dataset"), copy);
    assumeTrue(
        shell("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dataset.toString()) == 0,
        "only root can make a read-only disk here");
    try {
      Golden.copyFolder(copy, dataset);
      assertThat(shell("mount", "-o", "remount,ro", dataset.toString())).isZero();

      RunOutcome readOnly = runs.train(flags);

      assertThat(readOnly.losses()).isEqualTo(usual.losses());
      assertThat(runs.notes)
          .filteredOn(note -> note.contains("read-only disk"))
          .singleElement()
          .asString()
          .contains(latents ? "stay in memory" : "no more text outputs are written to disk");
    } finally {
      assertThat(shell("umount", dataset.toString())).isZero();
    }
  }

  private static int shell(String... words) throws IOException, InterruptedException {
    return new ProcessBuilder(words).redirectErrorStream(true).start().waitFor();
  }
}
