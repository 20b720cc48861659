package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.config.FlagsReader;
import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// On a card a micro-batch is told of when the next one is under way. The CPU can do so too, and
/// tells the same.
class LateNewsTest {
  @TempDir Path folder;
  private TinyRun tiny;

  @BeforeEach
  void lay() throws IOException {
    tiny = new TinyRun(folder);
  }

  private void train(List<String> flags, boolean late, int stopAfter, TrainListener listener) {
    TrainSetup setup = TrainSetup.of(FlagsReader.read(flags, tiny.folder).flags(), tiny.folder);
    int[] done = new int[1];
    TrainListener counting =
        event -> {
          listener.on(event);
          if (event instanceof TrainEvent.BatchDone batch) {
            done[0] = batch.step();
          }
        };
    try (TrainingRun run = new TrainingRun(setup, counting, "anima/test")) {
      if (late) {
        run.tellLate();
      }
      run.run(() -> done[0] >= stopAfter);
    }
  }

  /// All that a run tells, but for times and paths.
  private List<String> told(String output, boolean late, int stopAfter, String... more) {
    List<String> told = new ArrayList<>();
    train(
        TinyRun.flags("plain.toml", output, more),
        late,
        stopAfter,
        event -> {
          if (event instanceof TrainEvent.Memory) {
            return; // what was free and what was taken differ from run to run
          }
          told.add(
              event instanceof TrainEvent.BatchDone b
                  ? new TrainEvent.BatchDone(
                          b.step(),
                          b.epoch(),
                          b.updated(),
                          b.loss(),
                          b.averageLoss(),
                          b.learningRates(),
                          b.scalars(),
                          0)
                      .toString()
                  : event.toString().replace("/" + output, "/out").replaceAll("_\\d{14}_", "_"));
        });
    return told;
  }

  @Test
  void theSameIsToldInTheSameOrderAroundFilesPicturesAndValidation() {
    String[] flags = {
      "--max_train_steps=6",
      "--gradient_accumulation_steps=2",
      "--cache_latents",
      "--seed=3",
      "--scale_weight_norms=0.2",
      "--learning_rate=1e-2",
      "--network_train_unet_only",
      "--network_dropout=0.1",
      "--validation_split=0.25",
      "--validation_seed=1",
      "--validate_every_n_steps=3",
      "--progress_every_n_steps=2",
      "--save_every_n_steps=2",
      "--save_state",
      "--sample_prompts=prompts.txt",
      "--sample_every_n_steps=5"
    };
    List<String> atOnce = told("one", false, Integer.MAX_VALUE, flags);
    List<String> late = told("two", true, Integer.MAX_VALUE, flags);

    assertThat(atOnce)
        .anyMatch(line -> line.startsWith("Saved"))
        .anyMatch(line -> line.startsWith("SampleDrawn"))
        .anyMatch(line -> line.startsWith("Validated"))
        .anyMatch(line -> line.startsWith("Measured"))
        .anyMatch(line -> line.contains("max_norm/keys_scaled"));
    assertThat(late).isEqualTo(atOnce);
    assertThat(tiny.weights("two/nami.safetensors"))
        .isEqualTo(tiny.weights("one/nami.safetensors"));
  }

  /// The stop is asked for when step 2 is told of: then step 3 is done already, and told of too.
  @Test
  void aStopComesOneStepLater() {
    List<String> told = told("stop", true, 2, "--max_train_steps=9", "--seed=3");

    assertThat(told.stream().filter(line -> line.startsWith("BatchDone"))).hasSize(3);
    assertThat(told.getLast()).startsWith("Finished[step=3").endsWith("stopped=true]");
  }

  @Test
  void aNanEndsTheRunBeforeAnythingIsSaved() throws IOException {
    Path start = folder.resolve("nan.safetensors");
    TinyRun.withNan(start);
    RunOutcome outcome = new RunOutcome();
    List<String> flags =
        TinyRun.flags(
            "plain.toml",
            "output",
            "--network_weights=" + start,
            "--max_train_steps=9",
            "--save_every_n_steps=2",
            "--seed=3");

    assertThatThrownBy(() -> train(flags, true, Integer.MAX_VALUE, outcome))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContaining("the loss became NaN at step 1 (epoch 1) with");
    assertThat(outcome.losses()).isEmpty();
    assertThat(outcome.saved()).isEmpty();
  }

  /// A file is due after the very step that went wrong.
  @Test
  void aNanIsNoticedBeforeTheFileOfItsOwnStep() throws IOException {
    Path start = folder.resolve("nan.safetensors");
    TinyRun.withNan(start);
    RunOutcome outcome = new RunOutcome();
    List<String> flags =
        TinyRun.flags(
            "plain.toml",
            "output",
            "--network_weights=" + start,
            "--max_train_steps=9",
            "--save_every_n_steps=1",
            "--seed=3");

    assertThatThrownBy(() -> train(flags, true, Integer.MAX_VALUE, outcome))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContaining("the loss became NaN at step 1 (epoch 1) with");
    assertThat(outcome.saved()).isEmpty();
  }
}
