package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.config.FlagsReader;
import dev.anima.dataset.BatchFeed;
import dev.anima.train.state.SavedState;
import dev.anima.train.state.StateFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// The rehearsal tells the captions that training sees: those that the reference recorded, and
/// those of our own runs, whose saved state holds the streams that the captions come from.
class CaptionRehearsalTest {
  @TempDir Path folder;

  private TrainSetup setup(List<String> flags) {
    return TrainSetup.of(FlagsReader.read(flags, folder).flags(), folder);
  }

  private static List<String> recordedFlags(String run) {
    List<String> flags = new ArrayList<>();
    Golden.json("training/e2e/index.json")
        .get("runs")
        .get(run)
        .get("flags")
        .forEach(flag -> flags.add(flag.stringValue()));
    flags.removeIf(flag -> flag.startsWith("--network_weights")); // draws nothing
    return flags;
  }

  private static List<List<String>> recordedCaptions(String run) {
    List<List<String>> captions = new ArrayList<>();
    for (JsonNode step : Golden.json("training/e2e/index.json").get("runs").get(run).get("steps")) {
      List<String> batch = new ArrayList<>();
      step.get("captions").forEach(caption -> batch.add(caption.stringValue()));
      captions.add(batch);
    }
    return captions;
  }

  @Test
  void theFirstEpochIsThatOfTheRecordedRun() throws IOException {
    var _ = new TinyRun(folder);
    TrainSetup setup = setup(recordedFlags("article"));
    List<List<String>> seen = new ArrayList<>();
    CaptionRehearsal rehearsal = new CaptionRehearsal(setup);
    var _ = rehearsal.run(1, batch -> seen.add(batch.captions()));
    int epoch = setup.plan().batchesPerEpoch();
    assertThat(seen).hasSize(epoch).isEqualTo(recordedCaptions("article").subList(0, epoch));
    assertThat(rehearsal.doubt()).isPresent(); // it has dropouts in the network
  }

  @Test
  void allEpochsAreThoseOfARecordedRunWithoutDropout() throws IOException {
    var _ = new TinyRun(folder);
    TrainSetup setup = setup(recordedFlags("plain"));
    List<List<String>> seen = new ArrayList<>();
    CaptionRehearsal rehearsal = new CaptionRehearsal(setup);
    var _ = rehearsal.run(Integer.MAX_VALUE, batch -> seen.add(batch.captions()));
    assertThat(rehearsal.doubt()).isEmpty();
    assertThat(seen).isEqualTo(recordedCaptions("plain"));
  }

  /// Shuffled, dropped and validated in between; live latents, so that flips and crops draw too.
  @Test
  void theStreamsStandWhereThoseOfATrainingRunStand() throws IOException {
    TinyRun run = new TinyRun(folder);
    Path file = folder.resolve("article.toml");
    Files.writeString(
        file,
        Files.readString(file)
            .replace(
                "[general]",
                "[general]\nvalidation_split = 0.3\ncaption_dropout_rate = 0.2\ntoken_warmup_step = 9")
            .replace("flip_aug = false", "flip_aug = true"));
    List<String> flags =
        TinyRun.flags(
            "article.toml",
            "output",
            "--network_train_unet_only",
            "--max_train_epochs=3",
            "--validate_every_n_steps=4",
            "--save_state",
            "--save_every_n_epochs=1",
            "--noise_offset=0.1",
            "--apply_noise_options",
            "--seed=5");
    run.train(flags);
    int compared = 0;
    for (Path state : run.states) {
      if (StateFolder.read(state) instanceof SavedState.Whole whole) {
        BatchFeed.Position trained = whole.run().feed();
        BatchFeed.Position rehearsed =
            new CaptionRehearsal(setup(flags)).run(trained.epoch(), _ -> {});
        assertThat(rehearsed).isEqualTo(trained);
        compared++;
      }
    }
    assertThat(compared).isGreaterThanOrEqualTo(2);
  }
}
