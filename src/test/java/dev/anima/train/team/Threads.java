package dev.anima.train.team;

import dev.anima.config.Ranks;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Teams whose processes are threads of the test, over real connections.
public final class Threads {
  private Threads() {}

  /// What a thread does as one of the processes.
  @FunctionalInterface
  public interface Work<T> {
    T in(Team team) throws Exception;
  }

  public static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /// Does `work` in every process.
  ///
  /// @return by rank, its result or what it threw
  public static <T> List<Object> all(int size, Work<T> work) throws Exception {
    int port = freePort();
    List<FutureTask<Object>> tasks = new ArrayList<>();
    for (int rank = 0; rank < size; rank++) {
      Ranks ranks = Ranks.of(Ranks.local(rank, size, port));
      FutureTask<Object> task =
          new FutureTask<>(() -> {
            try (Team team = Team.join(ranks, Duration.ofSeconds(30), Duration.ofSeconds(60))) {
              try {
                return work.in(team);
              } catch (RuntimeException e) {
                team.fail(String.valueOf(e.getMessage()));
                throw e;
              }
            }
          });
      Thread.ofPlatform().daemon().name("rank " + rank).start(task);
      tasks.add(task);
    }
    List<Object> results = new ArrayList<>();
    for (FutureTask<Object> task : tasks) {
      results.add(result(task));
    }
    return results;
  }

  private static Object result(FutureTask<Object> task) throws Exception {
    try {
      return task.get(3, TimeUnit.MINUTES);
    } catch (ExecutionException e) {
      return Objects.requireNonNull(e.getCause());
    } catch (TimeoutException e) {
      throw new AssertionError("a process of the team hangs", e);
    }
  }
}
