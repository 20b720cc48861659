package dev.anima.runs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunLockTest {
  @TempDir Path folder;

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
