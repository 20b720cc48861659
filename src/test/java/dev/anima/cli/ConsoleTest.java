package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConsoleTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream stream = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  private String printed() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aPipeGetsTheFirstLineOneEveryIntervalAndTheLast() {
    AtomicLong seconds = new AtomicLong();
    try (Progress progress =
        new ProgressAsLines(
            stream,
            "train",
            100,
            "steps",
            Duration.ofSeconds(10),
            () -> Duration.ofSeconds(seconds.get()).toNanos())) {
      for (int step = 1; step <= 100; step++) {
        seconds.set(step / 4);
        progress.at(step, step == 1 ? "" : "loss 0.1");
      }
    }
    assertThat(printed().lines())
        .containsExactly(
            "train: 1/100 steps",
            "train: 40/100 steps, loss 0.1, 15 s left",
            "train: 80/100 steps, loss 0.1, 5 s left",
            "train: 100/100 steps, loss 0.1");
  }

  @Test
  void aTerminalGetsABar() {
    try (Progress progress = new ProgressOnTerminal(stream, 100, "train", 8, "steps")) {
      progress.at(8, "loss 0.125");
    }
    assertThat(printed())
        .contains("train", "100%", "8/8 steps", "loss 0.125")
        .doesNotContain("null");
    assertThat(printed().lines().mapToInt(String::length)).allMatch(length -> length < 400);
  }

  @Test
  void resultsAndReportsDoNotMix() {
    Screen screen = new Screen();
    screen.console.print("result");
    screen.console.report("warning");
    assertThat(screen.out()).isEqualTo("result" + System.lineSeparator());
    assertThat(screen.err()).isEqualTo("warning" + System.lineSeparator());
  }

  @ParameterizedTest
  @CsvSource({
    "0,0 bytes",
    "999,999 bytes",
    "1000,1.0 kB",
    "9940,9.9 kB",
    "10400,10 kB",
    "999400,999 kB",
    "999600,1.0 MB",
    "4180000000,4.2 GB",
    "25000000000,25 GB",
    "2000000000000000,2000 TB"
  })
  void sizesAreReadable(long size, String expected) {
    assertThat(Console.bytes(size)).isEqualTo(expected);
  }
}
