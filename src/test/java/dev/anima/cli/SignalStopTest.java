package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

class SignalStopTest {
  private final Screen screen = new Screen();
  private final AtomicInteger aborts = new AtomicInteger();

  @Test
  void theFirstSignalAsksAndTheSecondAborts() {
    try (SignalStop stop = new SignalStop(screen.console, aborts::incrementAndGet)) {
      assertThat(stop.requested()).isFalse();

      stop.signalled();
      assertThat(stop.requested()).isTrue();
      assertThat(aborts).hasValue(0);
      assertThat(screen.err().strip())
          .isEqualTo("Stopping after this step; press Ctrl-C again to stop at once.");

      stop.signalled();
      assertThat(aborts).hasValue(1);
    }
  }

  /// Work that never looks whether it should stop, in a process of its own.
  static final class Stubborn {
    private Stubborn() {}

    public static void main(String[] args) throws InterruptedException {
      Console console = Console.of(System.out, System.out);
      try (SignalStop _ = SignalStop.open(console)) {
        console.print("ready");
        Thread.sleep(60_000);
      }
    }
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void controlCTwiceEndsTheProcessAtOnce() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Stubborn.class.getName())
            .redirectErrorStream(true)
            .start();
    try (BufferedReader told = process.inputReader()) {
      assertThat(told.readLine()).isEqualTo("ready");
      signal("INT", process.pid());
      assertThat(told.readLine())
          .isEqualTo("Stopping after this step; press Ctrl-C again to stop at once.");
      signal("INT", process.pid());
      assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isEqualTo(ExitCode.STOPPED);
    } finally {
      process.destroyForcibly();
    }
  }

  private static void signal(String name, long process) throws Exception {
    assertThat(new ProcessBuilder("kill", "-" + name, String.valueOf(process)).start().waitFor())
        .isZero();
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void picturesAreAskedForByASignalToo() throws Exception {
    try (SignalStop stop = SignalStop.open(screen.console)) {
      assertThat(stop.takePictures()).isFalse();
      signal("USR1", ProcessHandle.current().pid());
      boolean asked = false;
      for (int i = 0; i < 200 && !asked; i++) {
        Thread.sleep(25);
        asked = stop.takePictures();
      }
      assertThat(asked).isTrue();
      assertThat(stop.takePictures()).isFalse();
      assertThat(stop.requested()).isFalse();
    }
  }

  @Test
  void aRealSignalArrives() throws Exception {
    try (SignalStop stop = SignalStop.open(screen.console)) {
      if (System.getProperty("os.name").startsWith("Windows")) {
        return; // there is no kill command
      }
      long self = ProcessHandle.current().pid();
      assertThat(new ProcessBuilder("kill", "-TERM", String.valueOf(self)).start().waitFor())
          .isZero();
      for (int i = 0; i < 200 && !stop.requested(); i++) {
        Thread.sleep(25);
      }
      assertThat(stop.requested()).isTrue();
    }
  }
}
