package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.config.FlagsReader;
import dev.anima.dataset.LatentCache;
import dev.anima.dataset.TrainingImage;
import dev.anima.io.InputException;
import dev.anima.io.NpyArray;
import dev.anima.io.RunFailedException;
import dev.anima.io.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Several processes train what one would, with the same effective batch.
class TeamRunsTest {
  private static final String[] PLAIN = {
    "--network_train_unet_only",
    "--network_dim=4",
    "--learning_rate=1e-3",
    "--lr_scheduler=cosine",
    "--lr_warmup_steps=2",
    "--cache_latents",
    "--seed=5"
  };

  @TempDir Path folder;
  private TinyRun runs;

  @BeforeEach
  void lay() throws IOException {
    runs = new TinyRun(folder);
  }

  private float[] weights(String file) {
    try (SafetensorsFile opened = SafetensorsFile.open(folder.resolve(file))) {
      return opened.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }
  }

  /// Relative to the largest weight.
  private static double difference(float[] a, float[] b) {
    assertThat(a).hasSameSizeAs(b);
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < a.length; i++) {
      largest = Math.max(largest, Math.abs(a[i]));
      difference = Math.max(difference, Math.abs(a[i] - b[i]));
    }
    return difference / largest;
  }

  @ParameterizedTest(name = "{0} processes")
  @ValueSource(ints = {2, 3})
  void theLossCurveIsThatOfOneProcessWithAccumulation(int size) throws Exception {
    // article.toml: 9 batches of one picture, captions shuffled and thinned
    String[] flags =
        TinyRun.with(Arrays.asList(PLAIN), "--max_train_steps=3").toArray(String[]::new);
    RunOutcome one =
        runs.train(
            TinyRun.flags(
                "article.toml",
                "one",
                TinyRun.with(List.of(flags), "--gradient_accumulation_steps=" + size)
                    .toArray(String[]::new)));
    List<TinyTeam.Seen> team =
        TinyTeam.seen(TinyTeam.train(size, folder, TinyRun.flags("article.toml", "team", flags)));

    assertThat(team.getFirst().steps()).containsExactly(1, 2, 3);
    for (TinyTeam.Seen process : team) {
      assertThat(process.losses()).isEqualTo(team.getFirst().losses());
    }
    for (int step = 0; step < 3; step++) {
      double mean =
          one.losses().subList(step * size, step * size + size).stream()
              .mapToDouble(loss -> loss)
              .average()
              .orElseThrow();
      assertThat(team.getFirst().losses().get(step)).isCloseTo(mean, within(2e-6 * mean));
    }
    assertThat(difference(weights("one/nami.safetensors"), weights("team/nami.safetensors")))
        .isLessThan(1e-5);
  }

  @Test
  void withTheTextEncoderAndAccumulationToo() throws Exception {
    String[] flags = {
      "--network_dim=4",
      "--learning_rate=1e-3",
      "--cache_latents",
      "--seed=7",
      "--max_train_steps=2",
      "--ip_noise_gamma=0.1"
    };
    RunOutcome one =
        runs.train(
            TinyRun.flags(
                "article.toml",
                "one",
                TinyRun.with(List.of(flags), "--gradient_accumulation_steps=4")
                    .toArray(String[]::new)));
    List<TinyTeam.Seen> team =
        TinyTeam.seen(
            TinyTeam.train(
                2,
                folder,
                TinyRun.flags(
                    "article.toml",
                    "team",
                    TinyRun.with(List.of(flags), "--gradient_accumulation_steps=2")
                        .toArray(String[]::new))));

    assertThat(team.getFirst().steps()).containsExactly(0, 1, 1, 2);
    for (int round = 0; round < 4; round++) {
      double mean = (one.losses().get(2 * round) + one.losses().get(2 * round + 1)) / 2;
      assertThat(team.getFirst().losses().get(round)).isCloseTo(mean, within(2e-6 * mean));
    }
    assertThat(difference(weights("one/nami.safetensors"), weights("team/nami.safetensors")))
        .isLessThan(1e-5);
  }

  @Test
  void theFirstBatchesComeAgainUntilAllHaveAsMany() throws Exception {
    List<String> flags =
        TinyRun.flags(
            "article.toml",
            "team",
            TinyRun.with(Arrays.asList(PLAIN), "--max_train_epochs=2", "--cache_latents_to_disk")
                .toArray(String[]::new));

    List<TinyTeam.Seen> team = TinyTeam.seen(TinyTeam.train(2, folder, flags));

    // 9 batches for 2 processes are 5 rounds
    assertThat(team.getFirst().steps()).containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    assertThat(team.getLast().losses()).isEqualTo(team.getFirst().losses());
    assertThat(runs.names("team")).containsExactly("nami.safetensors");
  }

  @Test
  void aStoppedTeamGoesOnAsIfItHadNot() throws Exception {
    String[] flags =
        TinyRun.with(
                Arrays.asList(PLAIN),
                "--max_train_epochs=2",
                "--network_dropout=0.1",
                "--network_args",
                "rank_dropout=0.1",
                "module_dropout=0.2",
                "--save_state")
            .toArray(String[]::new);
    List<TinyTeam.Seen> whole =
        TinyTeam.seen(TinyTeam.train(2, folder, TinyRun.flags("article.toml", "whole", flags)));

    List<String> parts = TinyRun.flags("article.toml", "parts", flags);
    List<TinyTeam.Seen> first = TinyTeam.seen(TinyTeam.train(2, folder, parts, 3));
    assertThat(first).allMatch(TinyTeam.Seen::stopped);
    int stopped = first.getFirst().steps().getLast();
    assertThat(stopped).isBetween(3, 4);
    assertThat(first.getLast().steps()).last().isEqualTo(stopped);
    String resume = "--resume=parts/nami-step%08d-state".formatted(stopped);
    List<TinyTeam.Seen> second =
        TinyTeam.seen(TinyTeam.train(2, folder, TinyRun.with(parts, resume)));

    List<Double> losses = new ArrayList<>(first.getFirst().losses());
    losses.addAll(second.getFirst().losses());
    assertThat(losses).isEqualTo(whole.getFirst().losses());
    assertThat(runs.weights("parts/nami.safetensors"))
        .isEqualTo(runs.weights("whole/nami.safetensors"));

    assertThat(TinyTeam.train(3, folder, TinyRun.with(parts, resume)))
        .allSatisfy(end ->
            assertThat((Throwable) end)
                .isInstanceOf(InputException.class)
                .hasMessageContaining("it was saved by 2 processes, this run has 3"));
  }

  @Test
  void lateNewsChangeNothingButTheStepOfAStop() throws Exception {
    List<String> flags =
        TinyRun.flags(
            "article.toml",
            "late",
            TinyRun.with(
                    Arrays.asList(PLAIN), "--max_train_epochs=2", "--gradient_accumulation_steps=2")
                .toArray(String[]::new));
    List<TinyTeam.Seen> whole = TinyTeam.seen(TinyTeam.train(2, folder, flags));

    List<TinyTeam.Seen> late =
        TinyTeam.seen(TinyTeam.train(2, folder, flags, Integer.MAX_VALUE, true));
    assertThat(late.getFirst().losses()).isEqualTo(whole.getFirst().losses());
    assertThat(late.getLast().steps()).isEqualTo(whole.getLast().steps());

    List<TinyTeam.Seen> stopped = TinyTeam.seen(TinyTeam.train(2, folder, flags, 2, true));
    assertThat(stopped).allMatch(TinyTeam.Seen::stopped);
    assertThat(stopped.getFirst().steps()).isEqualTo(stopped.getLast().steps());
    assertThat(stopped.getFirst().steps().getLast()).isBetween(2, 5);
  }

  /// As in the reference, whose processes draw the same noise and step the schedule once each.
  @Test
  void theReferenceIsFollowedExactlyOnRequest() throws Exception {
    List<String> flags =
        TinyRun.flags(
            "article.toml",
            "exact",
            TinyRun.with(
                    Arrays.asList(PLAIN),
                    "--max_train_steps=4",
                    "--lr_scheduler=constant_with_warmup",
                    "--lr_warmup_steps=4")
                .toArray(String[]::new));
    List<TinyTeam.Seen> ours = TinyTeam.seen(TinyTeam.train(2, folder, flags));
    List<TinyTeam.Seen> exact =
        TinyTeam.seen(TinyTeam.train(2, folder, TinyRun.with(flags, "--reference_exact")));

    assertThat(ours.getFirst().rates()).containsExactly(2.5e-4, 5e-4, 7.5e-4, 1e-3);
    assertThat(exact.getFirst().rates()).containsExactly(5e-4, 1e-3, 1e-3, 1e-3);
    assertThat(exact.getFirst().losses()).isNotEqualTo(ours.getFirst().losses());
    assertThat(exact.getLast().losses()).isEqualTo(exact.getFirst().losses());
  }

  @Test
  void aLossThatIsNoNumberEndsAllWithOneSentence() throws Exception {
    List<String> flags =
        TinyRun.flags(
            "article.toml",
            "team",
            TinyRun.with(
                    Arrays.asList(PLAIN),
                    "--max_train_epochs=2",
                    "--cache_latents_to_disk",
                    "--skip_cache_check")
                .toArray(String[]::new));
    TrainSetup setup = TrainSetup.of(FlagsReader.read(flags, folder).flags(), folder);
    for (TrainingImage image : setup.data().training().getFirst().images()) {
      int height = image.choice().bucket().height() / 8;
      int width = image.choice().bucket().width() / 8;
      float[] latents = new float[16 * height * width];
      boolean broken = image.found().file().getFileName().toString().equals("img02.png");
      Arrays.fill(latents, broken ? Float.NaN : 0.5f);
      LatentCache.write(image, NpyArray.ofFloats(latents, 16, height, width), null, null);
    }

    List<Object> ends = TinyTeam.train(3, folder, flags);

    assertThat(ends)
        .allSatisfy(end ->
            assertThat((Throwable) end)
                .isInstanceOf(RunFailedException.class)
                .hasMessageContaining("the loss became NaN at step")
                .hasMessageContaining("img02.png"));
    assertThat(ends.stream().map(end -> ((Throwable) end).getMessage()).distinct()).hasSize(1);
  }

  @Test
  void pictureFilesThatVanishEndAllWithAState() throws Exception {
    List<String> flags =
        TinyRun.flags(
            "article.toml",
            "lost",
            "--network_train_unet_only",
            "--learning_rate=1e-3",
            "--max_train_steps=4",
            "--seed=5");
    TrainListener thief =
        event -> {
          if (event instanceof TrainEvent.BatchDone done && done.step() == 2) {
            takePicturesAway();
          }
        };

    List<Object> ends = TinyTeam.train(2, folder, flags, Integer.MAX_VALUE, false, thief);

    assertThat(ends)
        .allSatisfy(end ->
            assertThat((Throwable) end)
                .isInstanceOf(RunFailedException.class)
                .hasMessageContaining("after step 2")
                .hasMessageContaining("anima resume"));
    assertThat(folder.resolve("lost/nami.run/state-step00000002/train_state.json")).exists();
  }

  private void takePicturesAway() {
    try (Stream<Path> files = Files.walk(folder.resolve("dataset"))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".png")).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
