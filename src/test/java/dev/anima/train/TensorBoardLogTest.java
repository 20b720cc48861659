package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.FlagsReader;
import dev.anima.config.LoggingConfig;
import dev.anima.io.EventFileReader;
import dev.anima.io.EventFileReader.Event;
import dev.anima.io.Pixels;
import dev.anima.io.PngWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorBoardLogTest {
  private static final LocalDateTime NOON = LocalDateTime.of(2026, 1, 31, 12, 0, 0);

  @TempDir Path folder;

  private TensorBoardLog open() {
    LoggingConfig logging =
        new LoggingConfig(
            Optional.of(folder.resolve("logs")),
            "nami_",
            "network_train",
            true,
            LoggingConfig.Level.INFO,
            Optional.empty());
    return TensorBoardLog.open(logging, true, NOON);
  }

  private List<Path> written() throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("logs"))) {
      return files.filter(Files::isRegularFile).sorted().toList();
    }
  }

  @Test
  void samplesAreInTheLogWithTheirStep() throws IOException {
    Path picture = folder.resolve("p.png");
    byte[] png = PngWriter.encode(Pixels.blank(3, 2, 3));
    Files.write(picture, png);
    try (TensorBoardLog log = open()) {
      log.on(new TrainEvent.SampleDrawn(picture, 40, 1));
      log.on(new TrainEvent.SampleDrawn(folder.resolve("gone.png"), 40, 2));
    }

    List<Event> events = EventFileReader.read(written().getFirst());

    assertThat(events)
        .singleElement()
        .isInstanceOfSatisfying(
            Event.Picture.class,
            drawn -> {
              assertThat(drawn.tag()).isEqualTo("samples/01");
              assertThat(drawn.step()).isEqualTo(40);
              assertThat(drawn.width()).isEqualTo(3);
              assertThat(drawn.height()).isEqualTo(2);
              assertThat(drawn.png()).isEqualTo(ByteBuffer.wrap(png));
            });
  }

  @Test
  void flagsAreATextAndSettings() throws IOException {
    var flags =
        FlagsReader.read(
                List.of("--learning_rate=1e-4", "--optimizer_type=AdamW8bit", "--vae=a/b"), folder)
            .flags();
    try (TensorBoardLog log = open()) {
      log.flags(flags, true);
    }
    String bytes = Files.readString(written().getFirst(), StandardCharsets.ISO_8859_1);
    assertThat(bytes)
        .contains("flags/text_summary", "| --learning_rate | 0.0001 |")
        .contains("_hparams_/session_start_info", "hparams", "optimizer_type", "AdamW8bit")
        .doesNotContain("a/b");
  }

  /// Two runs begun in one second, or a clock that was set back.
  @Test
  void runsOfOneTimeAreKeptApart() throws IOException {
    open().close();
    open().close();
    assertThat(written())
        .extracting(file -> folder.relativize(file.getParent()).toString().replace('\\', '/'))
        .containsExactly(
            "logs/nami_20260131120000/network_train", "logs/nami_20260131120000_2/network_train");
  }
}
