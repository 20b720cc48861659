package dev.anima.tag;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/// A server with the addresses of Hugging Face on this machine: large files lie elsewhere
/// (`/cdn/`), small ones are given at once.
final class FakeHub implements AutoCloseable {
  /// Requests, `METHOD FILE RANGE`.
  final List<String> requests = new CopyOnWriteArrayList<>();

  /// What is told as the hash of each file.
  final Map<String, String> tags = new HashMap<>();

  /// Bytes of a reply after which the connection breaks.
  volatile int cutAfter = Integer.MAX_VALUE;

  /// How many replies break.
  final AtomicInteger cuts = new AtomicInteger(Integer.MAX_VALUE);

  volatile int status = 200;

  private final HttpServer server;
  private final String repo;
  private final Map<String, byte[]> files;

  FakeHub(String repo, Map<String, byte[]> files) throws IOException {
    this.repo = repo;
    this.files = files;
    server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
    server.createContext("/", this::answer);
    server.start();
  }

  String address() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    String name = path.substring(path.lastIndexOf('/') + 1);
    String range = exchange.getRequestHeaders().getFirst("Range");
    byte[] content = files.get(name);
    boolean elsewhere = path.startsWith("/cdn/");
    if (!elsewhere) {
      requests.add(exchange.getRequestMethod() + " " + name + (range == null ? "" : " " + range));
    }
    if (status != 200 || content == null || !(elsewhere || path.startsWith("/" + repo + "/"))) {
      exchange.sendResponseHeaders(status != 200 ? status : 404, -1);
      exchange.close();
    } else if (elsewhere) {
      give(exchange, content, range);
    } else if (name.endsWith(".onnx")) {
      exchange.getResponseHeaders().set("X-Linked-Size", String.valueOf(content.length));
      exchange.getResponseHeaders().set("X-Linked-ETag", "\"" + tags.getOrDefault(name, "") + "\"");
      exchange.getResponseHeaders().set("ETag", "\"0000000000000000000000000000000000000000\"");
      exchange.getResponseHeaders().set("Location", "/cdn/" + name);
      exchange.sendResponseHeaders(302, -1);
      exchange.close();
    } else {
      exchange.getResponseHeaders().set("ETag", "\"" + tags.getOrDefault(name, "") + "\"");
      give(exchange, content, range);
    }
  }

  private void give(HttpExchange exchange, byte[] content, String range) throws IOException {
    int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
    byte[] rest = Arrays.copyOfRange(content, from, content.length);
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", String.valueOf(rest.length));
      exchange.sendResponseHeaders(200, -1);
    } else {
      exchange.sendResponseHeaders(from > 0 ? 206 : 200, rest.length);
      boolean cut = rest.length > cutAfter && cuts.getAndDecrement() > 0;
      exchange.getResponseBody().write(rest, 0, cut ? cutAfter : rest.length);
    }
    exchange.close(); // before the promised length if cut
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
