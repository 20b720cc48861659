package dev.anima.runs;

import dev.anima.train.TrainEvent;
import dev.anima.train.TrainListener;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.ser.std.ToStringSerializer;

/// Everything a run tells, one JSON object a line, for whoever wants to read it with a program.
///
/// Each line has `time` (UTC) and `event` (the event's name); the rest are the event's parts. A
/// line is written as it happens; after a crash the last one may be cut.
public final class EventLog implements TrainListener, AutoCloseable {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .addModule(
              new SimpleModule().addSerializer(Path.class, new ToStringSerializer(Path.class)))
          .build();

  private final BufferedWriter writer;
  private boolean broken;

  private EventLog(BufferedWriter writer) {
    this.writer = writer;
  }

  /// Goes on at the end of `file`, or begins it.
  static EventLog append(Path file) throws IOException {
    return new EventLog(
        Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND));
  }

  /// A failure to write ends the log, not the run.
  @Override
  public void on(TrainEvent event) {
    if (broken) {
      return;
    }
    try {
      writer.write(line(event, Instant.now()));
      writer.newLine();
      writer.flush();
    } catch (IOException e) {
      broken = true;
    }
  }

  static String line(TrainEvent event, Instant time) {
    ObjectNode line = MAPPER.createObjectNode();
    line.put("time", time.toString());
    line.put("event", event.getClass().getSimpleName());
    line.setAll((ObjectNode) MAPPER.valueToTree(event));
    return line.toString();
  }

  @Override
  public void close() {
    try {
      writer.close();
    } catch (IOException e) {
      broken = true;
    }
  }
}
