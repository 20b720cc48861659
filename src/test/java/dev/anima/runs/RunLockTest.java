package dev.anima.runs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunLockTest {
  @TempDir Path folder;

  /// Holds a lock until it is killed.
  static final class Holder {
    private Holder() {}

    public static void main(String[] args) throws InterruptedException {
      try (RunLock _ = RunLock.take(Path.of(args[0]), Path.of(args[1]))) {
        System.out.println("held");
        Thread.sleep(60_000);
      }
    }
  }

  /// However the other process ends, the lock ends with it.
  @Test
  void anotherProcessIsRefusedUntilTheFirstIsGone() throws Exception {
    Path file = folder.resolve(".nami.run.lock");
    Path run = folder.resolve("nami.run");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Holder.class.getName(),
                file.toString(),
                run.toString())
            .redirectErrorStream(true)
            .start();
    try (BufferedReader told = process.inputReader()) {
      assertThat(told.readLine()).isEqualTo("held");
      assertThatThrownBy(() -> RunLock.take(file, run))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("another run is writing there now");
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    RunLock.take(file, run).close();
  }

  @Test
  void oneRunAtATime() {
    Path file = folder.resolve(".nami.run.lock");
    Path run = folder.resolve("nami.run");
    try (RunLock _ = RunLock.take(file, run)) {
      assertThatThrownBy(() -> RunLock.take(file, run))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(run + ": another run is writing there now");
    }
    assertThat(file).doesNotExist();
    RunLock.take(file, run).close();
  }
}
