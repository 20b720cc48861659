package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

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
