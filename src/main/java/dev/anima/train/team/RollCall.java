package dev.anima.train.team;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// A line from every process to process 0, on which nothing is said until somebody fails. The
/// system closes it when a process ends, however it ends: so it is known at once who went, which
/// Gloo does not tell, and the reason can be told before.
///
/// Lines of text: `here TOKEN RANK` at first, `bye` at the end of the work, `lost RANK REASON` from
/// whoever knows of a loss, process 0 to all.
final class RollCall implements AutoCloseable {
  private static final Duration ANSWER = Duration.ofSeconds(30);

  private final int rank;
  private final long token;
  private final Optional<ServerSocket> hub;
  private final Map<Integer, Socket> lines = new ConcurrentHashMap<>();
  private final CompletableFuture<Loss> loss = new CompletableFuture<>();
  private volatile boolean ending;

  private RollCall(int rank, long token, Optional<ServerSocket> hub) {
    this.rank = rank;
    this.token = token;
    this.hub = hub;
  }

  /// Process 0's end.
  ///
  /// @param token that the others must know
  @SuppressWarnings("MustBeClosedChecker") // closed by close()
  static RollCall hub(long token) throws IOException {
    ServerSocket server = new ServerSocket(0);
    RollCall call = new RollCall(0, token, Optional.of(server));
    Thread.ofVirtual().start(() -> call.accept(server));
    return call;
  }

  /// Port that the others call.
  int port() {
    return hub.orElseThrow().getLocalPort();
  }

  /// Another process's end.
  @SuppressWarnings("MustBeClosedChecker") // closed by close()
  static RollCall member(int rank, long token, String host, int port) throws IOException {
    RollCall call = new RollCall(rank, token, Optional.empty());
    Socket socket = new Socket();
    socket.connect(new InetSocketAddress(host, port), (int) ANSWER.toMillis());
    socket.setKeepAlive(true);
    call.lines.put(0, socket);
    say(socket, "here " + token + " " + rank);
    Thread.ofVirtual().start(() -> call.listen(0, socket, reader(socket)));
    return call;
  }

  private void accept(ServerSocket server) {
    while (!server.isClosed()) {
      try {
        Socket socket = server.accept();
        Thread.ofVirtual().start(() -> greet(socket));
      } catch (IOException _) {
        return; // closed
      }
    }
  }

  private void greet(Socket socket) {
    try {
      socket.setKeepAlive(true);
      BufferedReader reader = reader(socket);
      String line = reader.readLine();
      String[] words = line == null ? new String[0] : line.split(" ");
      if (words.length != 3 || !words[0].equals("here") || !words[1].equals(Long.toString(token))) {
        socket.close(); // not one of us
        return;
      }
      int caller = Integer.parseInt(words[2]);
      lines.put(caller, socket);
      listen(caller, socket, reader);
    } catch (IOException | NumberFormatException _) {
      // whoever it was is gone, or never was one of us
    }
  }

  private static BufferedReader reader(Socket socket) {
    try {
      return new BufferedReader(
          new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new IllegalStateException("a line that was just opened is closed", e);
    }
  }

  private void listen(int caller, Socket socket, BufferedReader reader) {
    try (socket) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        if (line.equals("bye")) {
          return;
        }
        if (line.startsWith("lost ")) {
          String[] words = line.split(" ", 3);
          lost(new Loss(Integer.parseInt(words[1]), words[2].replace('\u0001', '\n')));
          return;
        }
      }
    } catch (IOException | NumberFormatException _) {
      // as the end of the line
    }
    if (!ending) {
      lost(new Loss(caller, ""));
    }
  }

  /// The first loss counts; process 0 tells all others.
  private void lost(Loss first) {
    if (loss.complete(first) && hub.isPresent()) {
      tell(first);
    }
  }

  private void tell(Loss what) {
    String text = "lost " + what.rank() + " " + what.reason().replace('\n', '\u0001');
    lines.values().forEach(line -> say(line, text));
  }

  private static void say(Socket socket, String text) {
    try {
      synchronized (socket) {
        socket.getOutputStream().write((text + "\n").getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().flush();
      }
    } catch (IOException _) {
      // that process is gone, which its own line tells
    }
  }

  /// Runs when a process is gone.
  void onLoss(Runnable action) {
    var _ = loss.thenRun(action);
  }

  /// Tells all that this process fails.
  void fail(String reason) {
    if (loss.complete(new Loss(rank, reason))) {
      tell(new Loss(rank, reason));
    }
  }

  /// The first loss, if it becomes known soon.
  Optional<Loss> loss(Duration patience) {
    try {
      return Optional.of(loss.get(patience.toMillis(), TimeUnit.MILLISECONDS));
    } catch (TimeoutException | ExecutionException _) {
      return Optional.empty();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  /// The work is done: what goes from now on is no loss.
  @Override
  public void close() {
    ending = true;
    lines.values().forEach(line -> say(line, "bye"));
    try {
      for (Socket line : lines.values()) {
        line.close();
      }
      if (hub.isPresent()) {
        hub.get().close();
      }
    } catch (IOException _) {
      // nothing is lost with a line
    }
  }
}
