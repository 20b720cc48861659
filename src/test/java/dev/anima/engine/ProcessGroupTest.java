package dev.anima.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.junit.jupiter.api.Test;

class ProcessGroupTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /// As torchrun does it: the launcher has the port, and no process may open it.
  @Test
  void theLauncherMayServeTheStore() throws Exception {
    Libtorch.silenceLog();
    int port = freePort();
    try (Scope _ = new Scope()) {
      TCPStoreOptions options = new TCPStoreOptions();
      options.port((short) port).isServer(true).waitWorkers(false).useLibUV(false);
      TCPStore served = new TCPStore("127.0.0.1", options);
      List<FutureTask<float[]>> sums = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        int rank = i;
        FutureTask<float[]> task = new FutureTask<>(() -> sum(rank, port));
        Thread.ofPlatform().daemon().start(task);
        sums.add(task);
      }

      for (FutureTask<float[]> sum : sums) {
        assertThat(sum.get(1, TimeUnit.MINUTES)).containsExactly(3, 30);
      }
      assertThat(served.getPort()).isEqualTo((short) port);
    }
  }

  private static float[] sum(int rank, int port) {
    ProcessGroup.Meeting meeting =
        new ProcessGroup.Meeting(
            rank, 2, "127.0.0.1", port, Optional.of("/worker/attempt_0"), "127.0.0.1");
    try (ProcessGroup group = ProcessGroup.join(meeting, PATIENCE, PATIENCE);
        Scope _ = new Scope()) {
      Tensor own = Ops.of(new float[] {rank + 1, 10 * (rank + 1)}, 2);
      group.sum_(own);
      return own.toFloats();
    }
  }
}
