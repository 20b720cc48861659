package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.io.InputException;
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

/// A run that was stopped and gone on with is the run that was never stopped, bit for bit.
class ResumeTest {
  private static final String[] DROPOUTS_AND_8_BIT = {
    "--network_dim=4",
    "--network_alpha=2",
    "--network_dropout=0.1",
    "--network_args",
    "rank_dropout=0.1",
    "module_dropout=0.1",
    "--learning_rate=1e-3",
    "--optimizer_type=AdamW8bit",
    "--lr_scheduler=cosine",
    "--lr_warmup_steps=3",
    "--max_train_epochs=2",
    "--cache_latents",
    "--ip_noise_gamma=0.1",
    "--scale_weight_norms=1",
    "--save_state",
    "--seed=5"
  };

  private static final String[] DIT_ONLY = {
    "--network_train_unet_only",
    "--network_dropout=0.1",
    "--learning_rate=1e-3",
    "--lr_scheduler=cosine",
    "--max_train_epochs=3",
    "--gradient_accumulation_steps=2",
    "--save_every_n_epochs=1",
    "--save_every_n_steps=2",
    "--save_state",
    "--seed=5"
  };

  @TempDir Path folder;
  private TinyRun runs;

  @BeforeEach
  void lay() throws IOException {
    runs = new TinyRun(folder);
  }

  @ParameterizedTest(name = "stopped after step {0}")
  @ValueSource(ints = {4, 9, 13})
  void aStoppedRunGoesOnAsIfItHadNot(int stop) {
    RunOutcome whole = runs.train(TinyRun.flags("article.toml", "whole", DROPOUTS_AND_8_BIT));
    List<Integer> steps = List.copyOf(runs.steps);
    List<Double> averages = List.copyOf(runs.averages);

    List<String> flags = TinyRun.flags("article.toml", "parts", DROPOUTS_AND_8_BIT);
    RunOutcome first = runs.train(flags, stop);
    assertThat(first.stopped()).isTrue();
    Path state = folder.resolve("parts/nami-step%08d-state".formatted(stop));
    assertThat(runs.states).containsExactly(state);
    assertThat(runs.notes).last().asString().contains("--resume=" + state);
    List<Integer> ourSteps = new ArrayList<>(runs.steps);
    List<Double> ourAverages = new ArrayList<>(runs.averages);
    RunOutcome second = runs.train(TinyRun.with(flags, "--resume=" + state));
    ourSteps.addAll(runs.steps);
    ourAverages.addAll(runs.averages);

    List<Double> losses = new ArrayList<>(first.losses());
    losses.addAll(second.losses());
    assertThat(losses).isEqualTo(whole.losses());
    assertThat(ourSteps).isEqualTo(steps);
    assertThat(ourAverages).isEqualTo(averages);
    assertThat(runs.weights("parts/nami.safetensors"))
        .isEqualTo(runs.weights("whole/nami.safetensors"));
    assertThat(runs.weights("parts/nami-state/optimizer.safetensors"))
        .isEqualTo(runs.weights("whole/nami-state/optimizer.safetensors"));
  }

  /// The captions of what is left of an epoch are encoded ahead: fewer than of the whole epoch.
  @Test
  void shuffledCaptionsBecomeTheSameInWhatIsLeftOfAnEpoch() {
    String[] flags = {
      "--network_train_unet_only",
      "--learning_rate=1e-3",
      "--max_train_epochs=2",
      "--cache_latents",
      "--save_state",
      "--seed=5"
    };
    RunOutcome whole = runs.train(TinyRun.flags("article.toml", "whole", flags));
    RunOutcome first = runs.train(TinyRun.flags("article.toml", "parts", flags), 3);

    RunOutcome second =
        runs.train(
            TinyRun.with(
                TinyRun.flags("article.toml", "parts", flags),
                "--resume=parts/nami-step00000003-state"));

    List<Double> losses = new ArrayList<>(first.losses());
    losses.addAll(second.losses());
    assertThat(losses).isEqualTo(whole.losses());
    assertThat(runs.weights("parts/nami.safetensors"))
        .isEqualTo(runs.weights("whole/nami.safetensors"));
  }

  @Test
  void everyKindOfStateLeadsToTheSameEnd() throws IOException {
    List<String> flags = TinyRun.flags("plain.toml", "whole", DIT_ONLY);
    RunOutcome whole = runs.train(flags);
    assertThat(runs.names("whole"))
        .contains(
            "nami-000001-state", "nami-000002-state", "nami-step00000004-state", "nami-state");
    int length = runs.steps.size();

    for (String state :
        List.of("nami-step00000002-state", "nami-000001-state", "nami-000002-state")) {
      List<String> again = TinyRun.flags("plain.toml", "again-" + state, DIT_ONLY);
      RunOutcome rest = runs.train(TinyRun.with(again, "--resume=whole/" + state));

      int from = length - runs.steps.size();
      assertThat(rest.losses()).as(state).isEqualTo(whole.losses().subList(from, length));
      assertThat(runs.weights("again-" + state + "/nami.safetensors"))
          .as(state)
          .isEqualTo(runs.weights("whole/nami.safetensors"));
    }
  }

  @Test
  void aFinishedRunCanBeMadeLonger() {
    String[] flags = {
      "--network_train_unet_only",
      "--network_dropout=0.1",
      "--learning_rate=1e-3",
      "--save_state_on_train_end",
      "--seed=5"
    };
    runs.train(TinyRun.with(TinyRun.flags("plain.toml", "whole", flags), "--max_train_steps=8"));
    runs.train(TinyRun.with(TinyRun.flags("plain.toml", "short", flags), "--max_train_steps=6"));

    runs.train(
        TinyRun.with(
            TinyRun.flags("plain.toml", "longer", flags),
            "--max_train_steps=8",
            "--resume=short/nami-state"));

    assertThat(runs.steps).containsExactly(7, 8);
    assertThat(runs.notes)
        .contains(
            "--max_train_steps is 8, it was 6 when the state was saved; the new value counts from here on");
    assertThat(runs.weights("longer/nami.safetensors"))
        .isEqualTo(runs.weights("whole/nami.safetensors"));
    assertThatThrownBy(() ->
            runs.train(
                TinyRun.with(
                    TinyRun.flags("plain.toml", "x", flags),
                    "--max_train_steps=6",
                    "--resume=short/nami-state")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("nothing is left to train");
  }

  @Test
  void oldStatesGoByTheirOwnRetention() throws IOException {
    runs.train(
        TinyRun.flags(
            "plain.toml",
            "output",
            "--network_train_unet_only",
            "--max_train_steps=6",
            "--save_every_n_steps=1",
            "--save_last_n_steps=3",
            "--save_last_n_steps_state=1",
            "--save_state"));

    assertThat(runs.names("output"))
        .containsExactly(
            "nami-state",
            "nami-step00000003.safetensors",
            "nami-step00000004.safetensors",
            "nami-step00000005-state",
            "nami-step00000005.safetensors",
            "nami-step00000006-state",
            "nami-step00000006.safetensors",
            "nami.safetensors");
  }

  @Test
  void whatTheStateIsNotForIsRefused() throws IOException {
    List<String> flags = TinyRun.flags("plain.toml", "output", DIT_ONLY);
    runs.train(flags, 2);
    Path state = folder.resolve("output/nami-step00000002-state");
    List<String> resumed = TinyRun.with(flags, "--resume=" + state);

    assertRefused(TinyRun.with(resumed, "--seed=6"), "--seed=5", "leave --seed out");
    assertRefused(
        TinyRun.with(resumed, "--gradient_accumulation_steps=1"), "gradient_accumulation_steps=2");
    assertRefused(
        TinyRun.with(resumed, "--optimizer_type=Lion"), "adamw.AdamW", "lion_pytorch.Lion");
    assertRefused(TinyRun.with(resumed, "--network_dim=8"), "rank 4", "8");
    assertRefused(TinyRun.with(resumed, "--initial_step=3"), "the state knows its place, step 2");
    Files.delete(folder.resolve("dataset/style/pic_c.png"));
    assertRefused(resumed, "the images", "--network_weights=" + state.resolve("model.safetensors"));
  }

  /// What may differ is listed, flag by flag; files and logs may differ without a word.
  @Test
  void whatHasChangedIsListed() {
    List<String> flags = TinyRun.flags("plain.toml", "output", DIT_ONLY);
    runs.train(flags, 2);

    runs.train(
        TinyRun.with(
            flags,
            "--resume=output/nami-step00000002-state",
            "--learning_rate=5e-4",
            "--network_dropout=0",
            "--ip_noise_gamma=0.1",
            "--save_every_n_steps=1",
            "--output_name=other"));

    assertThat(runs.notes)
        .filteredOn(note -> note.contains("when the state was saved"))
        .containsExactlyInAnyOrder(
            "--ip_noise_gamma is 0.1, it was not given when the state was saved; the new value counts from here on",
            "--learning_rate is 0.0005, it was 0.001 when the state was saved; the new value counts from here on",
            "--network_dropout is 0.0, it was 0.1 when the state was saved; the new value counts from here on");
  }

  @Test
  void damagedStatesAreRefused() throws IOException {
    List<String> flags = TinyRun.flags("plain.toml", "output", DIT_ONLY);
    runs.train(flags, 2);
    Path good = folder.resolve("output/nami-step00000002-state");
    String place = Files.readString(good.resolve("train_state.json"));

    assertRefused(TinyRun.with(flags, "--resume=nowhere"), "nowhere");
    assertRefused(TinyRun.with(flags, "--resume=dataset"), "is not a state");
    assertRefused(
        TinyRun.with(flags, "--resume=" + damaged(good, "train_state.json", "{\"current")),
        "cannot be read as JSON");
    assertRefused(
        TinyRun.with(
            flags,
            "--resume="
                + damaged(good, "train_state.json", place.replace("\"schedule_steps\"", "\"x\""))),
        "train_state.json is damaged",
        "schedule_steps");
    assertRefused(
        TinyRun.with(
            flags,
            "--resume="
                + damaged(
                    good, "train_state.json", place.replace("\"version\":1", "\"version\":2"))),
        "version 2");
    assertRefused(
        TinyRun.with(
            flags,
            "--resume="
                + damaged(
                    good,
                    "train_state.json",
                    place.replaceFirst("\"streams\":\\[\"....", "\"streams\":[\""))),
        "random states");
    assertRefused(
        TinyRun.with(flags, "--resume=" + damaged(good, "optimizer.safetensors", "12345678")),
        "optimizer.safetensors");
    assertRefused(
        TinyRun.with(flags, "--resume=" + damaged(good, "model.safetensors", "12345678")),
        "model.safetensors");
    Path incomplete = damaged(good, "train_state.json", place);
    Files.delete(incomplete.resolve("optimizer.safetensors"));
    assertRefused(
        TinyRun.with(flags, "--resume=" + incomplete),
        "is incomplete: optimizer.safetensors is missing");
  }

  private Path damaged(Path good, String file, String text) throws IOException {
    Path bad = Files.createTempDirectory(folder, "bad").resolve("state");
    Golden.copyFolder(good, bad);
    Files.writeString(bad.resolve(file), text);
    return bad;
  }

  private void assertRefused(List<String> flags, String... words) {
    assertThatThrownBy(() -> runs.train(flags))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll(words);
  }

  @Test
  void aStateOfTheReferenceGivesWeightsAndStep() throws IOException {
    List<String> flags = TinyRun.flags("plain.toml", "output", DIT_ONLY);
    runs.train(flags, 3);
    Path state = folder.resolve("theirs");
    Files.createDirectory(state);
    Files.copy(
        folder.resolve("output/nami-step00000003-state/model.safetensors"),
        state.resolve("model.safetensors"));
    Files.writeString(
        state.resolve("train_state.json"), "{\"current_epoch\": 1, \"current_step\": 3}");
    Files.write(state.resolve("optimizer.bin"), new byte[] {(byte) 0x80, 2});

    runs.train(TinyRun.with(flags, "--resume=" + state));

    assertThat(runs.steps.getFirst()).isIn(3, 4); // accumulation: the first batch makes no step
    assertThat(runs.steps.getLast())
        .isEqualTo(runs.steps.stream().mapToInt(s -> s).max().orElseThrow());
    assertThat(runs.notes)
        .anySatisfy(
            note -> assertThat(note).contains("pickles", "the optimizer starts afresh at step 3"));
  }
}
