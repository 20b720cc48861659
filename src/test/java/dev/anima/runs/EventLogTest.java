package dev.anima.runs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.train.RunPlan;
import dev.anima.train.TrainEvent;
import dev.anima.train.progress.Interval;
import java.lang.reflect.Constructor;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class EventLogTest {
  static Stream<Class<?>> events() {
    return Arrays.stream(TrainEvent.class.getPermittedSubclasses());
  }

  /// Whatever a run can tell is in the log, with all its parts.
  @ParameterizedTest
  @MethodSource("events")
  void everyEventIsALineWithItsParts(Class<?> type) throws ReflectiveOperationException {
    RecordComponent[] parts = type.getRecordComponents();
    Constructor<?> constructor =
        type.getDeclaredConstructor(
            Arrays.stream(parts).map(RecordComponent::getType).toArray(Class<?>[]::new));
    constructor.setAccessible(true);
    TrainEvent event =
        (TrainEvent)
            constructor.newInstance(Arrays.stream(parts).map(EventLogTest::example).toArray());

    String text = EventLog.line(event, Instant.parse("2026-01-31T12:00:00Z"));

    assertThat(text).doesNotContain("\n");
    JsonNode line = JsonMapper.shared().readTree(text);
    assertThat(line.get("time").stringValue()).isEqualTo("2026-01-31T12:00:00Z");
    assertThat(line.get("event").stringValue()).isEqualTo(type.getSimpleName());
    for (RecordComponent part : parts) {
      String name = part.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
      assertThat(line.has(name)).as("%s in %s", name, text).isTrue();
      JsonNode value = Objects.requireNonNull(line.get(name));
      assertThat(value.isNull()).as(text).isFalse();
      if (part.getType() == Path.class) {
        assertThat(value.stringValue()).isEqualTo("a/b.png");
      }
    }
  }

  private static Object example(RecordComponent part) {
    return part.getGenericType().getTypeName().endsWith("List<" + Interval.class.getName() + ">")
        ? List.of(new Interval(-0.031, 0.006, 8))
        : example(part.getType());
  }

  private static Object example(Class<?> type) {
    return switch (type.getSimpleName()) {
      case "int" -> 3;
      case "double" -> 0.5;
      case "boolean" -> true;
      case "String" -> "text";
      case "Path" -> Path.of("a/b.png");
      case "List" -> List.of("text");
      case "Map" -> Map.of("unet", 1e-4);
      case "Interval" -> new Interval(-0.031, 0.006, 8);
      case "Optional" -> Optional.of(new Interval(-0.031, 0.006, 8));
      case "RunPlan" -> new RunPlan(4, 1, 4, 8, 2);
      default -> throw new IllegalArgumentException("no example of " + type);
    };
  }
}
