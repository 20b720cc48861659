package dev.anima.train;

import dev.anima.config.FlagValue;
import dev.anima.config.Flags;
import dev.anima.config.LoggingConfig;
import dev.anima.io.EventFileWriter;
import dev.anima.train.progress.Interval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// TensorBoard event files under the reference's folder names and tags (`spec/training.md` §17).
public final class TensorBoardLog implements TrainListener, AutoCloseable {
  private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern("yyyyMMddHHmmss");

  private static final Set<String> SECRETS = Set.of("huggingface_token", "wandb_api_key");

  private final EventFileWriter writer;
  private final boolean namesTextEncoder;

  /// @param writer owned from here on
  /// @param ditOnly `--network_train_unet_only`: changes the names of the group rates
  private TensorBoardLog(EventFileWriter writer, boolean ditOnly) {
    this.writer = writer;
    this.namesTextEncoder = !ditOnly;
  }

  /// `DIR/PREFIX+TIME/TRACKER`, created. A folder of that time that is there already (two runs in
  /// one second, or a clock set back) belongs to another run.
  public static TensorBoardLog open(LoggingConfig logging, boolean ditOnly, LocalDateTime now) {
    Path dir = logging.dir().orElseThrow();
    String name = logging.prefix() + STAMP.format(now);
    Path run = dir.resolve(name);
    for (int i = 2; Files.exists(run); i++) {
      run = dir.resolve(name + "_" + i);
    }
    return new TensorBoardLog(new EventFileWriter(run.resolve(logging.trackerName())), ditOnly);
  }

  /// The flags that are set, as a table. Paths and secrets stay out.
  ///
  /// @param asSettings `--log_config`: also for TensorBoard's HPARAMS tab, by which runs can be
  ///   compared
  public void flags(Flags flags, boolean asSettings) {
    Map<String, String> told = telling(flags);
    StringBuilder table = new StringBuilder("| flag | value |\n|---|---|\n");
    told.forEach((name, value) ->
        table.append("| --%s | %s |\n".formatted(name, value.replace("|", "\\|"))));
    writer.text("flags", 0, table.toString());
    if (asSettings) {
      writer.settings(told);
    }
  }

  private static Map<String, String> telling(Flags flags) {
    Map<String, String> told = new LinkedHashMap<>();
    for (FlagValue value : flags.set()) {
      String text = flags.pythonText(value.flag().name());
      boolean secret = SECRETS.contains(value.flag().name()) || text.matches("(?s).*[/\\\\].*");
      if (!secret) {
        told.put(value.flag().name(), text);
      }
    }
    return told;
  }

  @Override
  public void on(TrainEvent event) {
    switch (event) {
      case TrainEvent.BatchDone done -> batch(done);
      case TrainEvent.EpochDone done ->
          writer.scalar("loss/epoch_average", done.epoch(), (float) done.averageLoss());
      case TrainEvent.Validated done -> {
        String kind = done.byEpoch() ? "epoch" : "step";
        writer.scalar("loss/validation/" + kind + "_average", done.x(), (float) done.loss());
        writer.scalar(
            "loss/validation/" + kind + "_divergence", done.x(), (float) done.divergence());
      }
      case TrainEvent.SampleDrawn drawn -> picture(drawn);
      case TrainEvent.Measured done -> measured(done);
      case TrainEvent.PhaseStarted _,
          TrainEvent.PhaseProgress _,
          TrainEvent.Note _,
          TrainEvent.Memory _,
          TrainEvent.Started _,
          TrainEvent.EpochStarted _,
          TrainEvent.BestMarked _,
          TrainEvent.EndedEarly _,
          TrainEvent.Saved _,
          TrainEvent.StateSaved _,
          TrainEvent.Removed _,
          TrainEvent.Finished _ -> {}
    }
  }

  private void picture(TrainEvent.SampleDrawn drawn) {
    try {
      byte[] png = Files.readAllBytes(drawn.file());
      writer.image("samples/%02d".formatted(drawn.index()), drawn.step(), png);
    } catch (IOException _) {
      return; // somebody took the picture away: then it is not in the log
    }
  }

  private void measured(TrainEvent.Measured done) {
    int step = done.step();
    String kind = done.heldOut() ? "progress/held_out" : "progress/training";
    scalar(kind, step, done.difference());
    for (int band = 0; band < done.bands().size(); band++) {
      scalar(kind + "_band" + (band + 1), step, done.bands().get(band));
    }
    if (done.heldOut()) {
      scalar("progress/training", step, done.training());
    }
    done.withoutTrigger().ifPresent(interval -> scalar("progress/without_trigger", step, interval));
  }

  private void scalar(String tag, int step, Interval interval) {
    writer.scalar(tag, step, (float) interval.mean());
  }

  private void batch(TrainEvent.BatchDone done) {
    int step = done.step();
    writer.scalar("loss/current", step, (float) done.loss());
    writer.scalar("loss/average", step, (float) done.averageLoss());
    done.scalars().forEach((tag, value) -> writer.scalar(tag, step, value.floatValue()));
    List<Map.Entry<String, Double>> rates = new ArrayList<>(done.learningRates().entrySet());
    for (int i = 0; i < rates.size(); i++) {
      float rate = rates.get(i).getValue().floatValue();
      writer.scalar("lr/" + rates.get(i).getKey(), step, rate);
      // The same again by position, as the reference did before 0.11: people's charts use it.
      writer.scalar("lr/" + (namesTextEncoder && i == 0 ? "textencoder" : "group" + i), step, rate);
    }
  }

  @Override
  public void close() {
    writer.close();
  }
}
