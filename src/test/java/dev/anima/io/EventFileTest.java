package dev.anima.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class EventFileTest {
  private static final Path GOLDEN = Golden.path("training/e2e/article_events.out.tfevents");

  @TempDir Path folder;

  private static JsonNode recordedScalars() {
    JsonNode logs =
        Golden.json("training/e2e/index.json").path("runs").path("article").path("tensorboard");
    return logs.iterator().next().path("scalars");
  }

  @Test
  void readsTheRecordedRun() {
    Map<String, List<EventFileReader.Event.Scalar>> scalars = EventFileReader.scalars(GOLDEN);
    JsonNode recorded = recordedScalars();
    assertThat(scalars.keySet()).containsExactlyInAnyOrderElementsOf(recorded.propertyNames());
    scalars.forEach((tag, points) -> {
      JsonNode expected = recorded.path(tag);
      assertThat(points).as(tag).hasSize(expected.size());
      for (int i = 0; i < points.size(); i++) {
        assertThat(points.get(i).step()).isEqualTo(expected.get(i).get(0).longValue());
        assertThat((double) points.get(i).value()).isEqualTo(expected.get(i).get(1).doubleValue());
      }
    });
  }

  /// The clock repeats the recorded wall times, so the bytes must be the same.
  @Test
  void writesTheRecordedRunByteForByte() throws IOException {
    List<EventFileReader.Event> events = EventFileReader.read(GOLDEN);
    Iterator<EventFileReader.Event> clockEvents = events.iterator();
    InstantSource clock = () -> instant(clockEvents.next().wallTime());
    Path file;
    try (EventFileWriter writer = new EventFileWriter(folder, InstantSource.system())) {
      file = writer.file();
    }
    long first = Files.size(file);
    assertThat(file.getFileName().toString()).startsWith("events.out.tfevents.");
    byte[] golden = Files.readAllBytes(GOLDEN);
    // the recorded file's first event also names the library that wrote it
    int goldenFirst = 16 + golden[0];
    assertThat(goldenFirst).isEqualTo(88);
    assertThat(first).isEqualTo(16 + 9 + 2 + "brain.Event:2".length());

    Path rewritten;
    try (EventFileWriter writer = writerWith(clock, events)) {
      rewritten = writer.file();
    }
    byte[] ours = Files.readAllBytes(rewritten);
    assertThat(Arrays.copyOfRange(ours, (int) first, ours.length))
        .isEqualTo(Arrays.copyOfRange(golden, goldenFirst, golden.length));
  }

  private EventFileWriter writerWith(InstantSource clock, List<EventFileReader.Event> events) {
    boolean[] started = {false};
    EventFileWriter writer =
        new EventFileWriter(folder, () -> started[0] ? clock.instant() : Instant.EPOCH);
    started[0] = true;
    for (EventFileReader.Event event : events) {
      if (event instanceof EventFileReader.Event.Scalar scalar) {
        writer.scalar(scalar.tag(), scalar.step(), scalar.value());
      }
    }
    return writer;
  }

  private static Instant instant(double seconds) {
    long whole = (long) seconds;
    return Instant.ofEpochSecond(whole, Math.round((seconds - whole) * 1e9));
  }

  @Test
  void textsAndPicturesComeBack() throws IOException {
    Pixels image = Pixels.blank(3, 2, 3);
    image.data()[4] = (byte) 200;
    Path file;
    try (EventFileWriter writer =
        new EventFileWriter(folder.resolve("a/b"), InstantSource.fixed(Instant.ofEpochSecond(9)))) {
      file = writer.file();
      writer.text("prompt", 0, "1girl, ☀");
      writer.image("sample", 300, image);
      writer.scalar("lr/textencoder 1", -1, 1e-5);
      // every call is in the file at once
      assertThat(EventFileReader.read(file)).hasSize(3);
    }
    List<EventFileReader.Event> events = EventFileReader.read(file);
    assertThat(events.get(0)).isEqualTo(new EventFileReader.Event.Text(9, "prompt", 0, "1girl, ☀"));
    assertThat(events.get(2))
        .isEqualTo(new EventFileReader.Event.Scalar(9, "lr/textencoder 1", -1, 1e-5f));
    assertThat(events.get(1)).isInstanceOf(EventFileReader.Event.Picture.class);
    if (events.get(1) instanceof EventFileReader.Event.Picture picture) {
      assertThat(picture.tag()).isEqualTo("sample");
      assertThat(picture.width()).isEqualTo(3);
      assertThat(picture.height()).isEqualTo(2);
      byte[] png = new byte[picture.png().remaining()];
      picture.png().get(png);
      Path decoded = Files.write(folder.resolve("x.png"), png);
      assertThat(ImageFile.load(decoded).data()).isEqualTo(image.data());
    }
  }

  /// As after a clock was set back: a process of the same number had the name before.
  @Test
  void aNameThatIsTakenIsLeftAlone() throws IOException {
    InstantSource clock = InstantSource.fixed(Instant.ofEpochSecond(9));
    Path first;
    try (EventFileWriter writer = new EventFileWriter(folder, clock)) {
      first = writer.file();
    }
    String name = first.getFileName().toString();
    int number = Integer.parseInt(name.substring(name.lastIndexOf('.') + 1));
    Path taken =
        Files.writeString(
            folder.resolve(name.substring(0, name.lastIndexOf('.') + 1) + (number + 1)), "taken");
    try (EventFileWriter writer = new EventFileWriter(folder, clock)) {
      assertThat(writer.file()).isNotEqualTo(taken).isNotEqualTo(first);
    }
    assertThat(taken).hasContent("taken");
  }

  @Test
  void aRecordStillBeingWrittenIsLeftForLater() throws IOException {
    byte[] whole = Files.readAllBytes(GOLDEN);
    int all = EventFileReader.read(GOLDEN).size();
    Path file = folder.resolve("growing");
    for (int cut = 0; cut < whole.length; cut += 97) {
      Files.write(file, Arrays.copyOf(whole, cut));
      EventFileReader.Chunk before = EventFileReader.readFrom(file, 0);
      Files.write(file, Arrays.copyOfRange(whole, cut, whole.length), StandardOpenOption.APPEND);
      EventFileReader.Chunk after = EventFileReader.readFrom(file, before.nextOffset());
      assertThat(before.events().size() + after.events().size()).as("cut %d", cut).isEqualTo(all);
      assertThat(after.nextOffset()).isEqualTo(whole.length);
    }
  }

  @Test
  void damageAndOtherFilesAreNamed() throws IOException {
    byte[] bytes = Files.readAllBytes(GOLDEN);
    bytes[200] ^= 1;
    Path file = Files.write(folder.resolve("damaged"), bytes);
    assertThatThrownBy(() -> EventFileReader.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": not an event file, or damaged (record at byte ");
    Files.write(file, "this is a text, not an event file".getBytes(StandardCharsets.UTF_8));
    assertThatThrownBy(() -> EventFileReader.read(file)).isInstanceOf(InputException.class);
    assertThatThrownBy(() -> EventFileReader.read(folder.resolve("none")))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("none: there is no such file");
    Path blocked = Files.writeString(folder.resolve("blocked"), "");
    assertThatThrownBy(() -> new EventFileWriter(blocked.resolve("logs")).close())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no log can be written into this folder");
  }
}
