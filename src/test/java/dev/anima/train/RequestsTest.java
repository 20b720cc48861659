package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Pictures and checkpoints that somebody asks for in the middle of a run.
class RequestsTest {
  @TempDir Path folder;
  private TinyRun runs;

  @BeforeEach
  void lay() throws IOException {
    runs = new TinyRun(folder);
  }

  /// Asks after the steps named, counting calls: there is one after every step.
  private static Requests after(Map<Integer, Requests.Kind> asked) {
    int[] step = {0};
    return () -> {
      Requests.Kind kind = asked.get(++step[0]);
      return kind == null ? Set.of() : EnumSet.of(kind);
    };
  }

  private static List<String> flags(String output, String... more) {
    return TinyRun.flags(
        "article.toml",
        output,
        with(
            more,
            "--learning_rate=1e-3",
            "--network_dropout=0.1",
            "--max_train_steps=6",
            "--seed=5"));
  }

  private static String[] with(String[] words, String... more) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  /// The text encoder: released while the DiT trains, training itself, or not needed.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "--network_train_unet_only",
        "--text_encoder_lr=1e-3",
        "--network_args=train_llm_adapter=True",
        "--optimizer_type=ProdigyPlusScheduleFree"
      })
  void picturesChangeNothing(String flag) throws IOException {
    RunOutcome undisturbed = runs.train(flags("plain", flag));
    List<Path> drawn = new ArrayList<>();
    runs.also =
        event -> {
          if (event instanceof TrainEvent.SampleDrawn picture) {
            drawn.add(picture.file());
          }
        };
    runs.requests = after(Map.of(2, Requests.Kind.SAMPLE, 5, Requests.Kind.SAMPLE));

    RunOutcome disturbed = runs.train(flags("drawn", flag, "--sample_prompts=prompts.txt"));

    assertThat(disturbed.losses()).isEqualTo(undisturbed.losses());
    assertThat(runs.weights("drawn/nami.safetensors"))
        .isEqualTo(runs.weights("plain/nami.safetensors"));
    assertThat(drawn).hasSize(4).allMatch(file -> file.toFile().isFile());
    assertThat(drawn)
        .extracting(file -> file.getFileName().toString().replaceAll("_\\d{14}_", "_TIME_"))
        .containsExactly(
            "nami_000002_00_TIME_7.png",
            "nami_000002_01_TIME_8.png",
            "nami_000005_00_TIME_7.png",
            "nami_000005_01_TIME_8.png");
  }

  /// Nine batches an epoch; epochs beat steps, and there is a picture after the last one.
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = ';',
      value = {
        "--sample_at_first --sample_every_n_steps=4; e000000 000004 000008 000012 000016",
        "--sample_at_first --sample_every_n_steps=4 --sample_every_n_epochs=1; e000000 e000001 e000002",
        "--sample_every_n_epochs=2; e000002"
      })
  void picturesByTheFlagsOfTheReference(String given, String moments) throws IOException {
    List<String> flags = flags("output", "--network_train_unet_only", "--max_train_epochs=2");
    flags.add("--sample_prompts=prompts.txt");
    flags.addAll(List.of(given.split(" ")));

    runs.train(flags);

    assertThat(runs.names("output/sample").stream().map(name -> name.split("_")[1]).distinct())
        .containsExactlyInAnyOrder(moments.split(" "));
    assertThat(runs.names("output/sample")).hasSize(2 * moments.split(" ").length);
  }

  @Test
  void withoutPromptsTheRunSaysSoAndGoesOn() {
    runs.requests = after(Map.of(2, Requests.Kind.SAMPLE));

    RunOutcome outcome = runs.train(flags("output", "--network_train_unet_only"));

    assertThat(outcome.losses()).hasSize(6);
    assertThat(runs.notes)
        .contains(
            "pictures were asked for, but there is nothing to draw: this run was started without --sample_prompts");
  }

  @Test
  void aCheckpointOnRequestCanBeGoneOnFrom() throws IOException {
    RunOutcome whole = runs.train(flags("whole", "--network_train_unet_only"));
    runs.requests = after(Map.of(3, Requests.Kind.SAVE));

    RunOutcome saved = runs.train(flags("saved", "--network_train_unet_only"), 4);

    assertThat(saved.losses()).isEqualTo(whole.losses().subList(0, 4));
    assertThat(runs.names("saved")).contains("nami-step00000003.safetensors");
    assertThat(runs.states).first().isEqualTo(folder.resolve("saved/nami.run/state-step00000003"));
    runs.requests = after(Map.of(1, Requests.Kind.SAVE));

    runs.train(flags("kept", "--network_train_unet_only", "--save_state"), 2);

    assertThat(runs.names("kept"))
        .contains("nami-step00000001.safetensors", "nami-step00000001-state");
    runs.requests = Requests.NONE;

    RunOutcome rest =
        runs.train(
            flags(
                "rest",
                "--network_train_unet_only",
                "--resume=" + folder.resolve("kept/nami-step00000001-state")));

    assertThat(rest.losses()).isEqualTo(whole.losses().subList(1, 6));
    assertThat(runs.weights("rest/nami.safetensors"))
        .isEqualTo(runs.weights("whole/nami.safetensors"));
  }

  /// Step 2 has a checkpoint by its interval: it is not written twice.
  @Test
  void whatIsSavedAnywayIsSavedOnce() {
    List<Path> saved = new ArrayList<>();
    runs.also =
        event -> {
          if (event instanceof TrainEvent.Saved file) {
            saved.add(file.file().getFileName());
          }
        };
    runs.requests = after(Map.of(2, Requests.Kind.SAVE, 3, Requests.Kind.SAVE));

    runs.train(
        flags(
            "output",
            "--network_train_unet_only",
            "--save_every_n_steps=2",
            "--save_last_n_steps=2",
            "--save_state"));

    assertThat(saved)
        .extracting(Path::toString)
        .containsExactly(
            "nami-step00000002.safetensors",
            "nami-step00000003.safetensors",
            "nami-step00000004.safetensors",
            "nami-step00000006.safetensors",
            "nami.safetensors");
  }
}
