package dev.anima.cli.setup;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/// A package index on this machine. `/simple/PROJECT` leads to `/simple/PROJECT/`, whose links lead
/// to `/moved/FILE` and on to `/files/FILE`.
final class FakeIndex implements AutoCloseable {
  /// Requests for content, `FILE RANGE`.
  final List<String> requests = new CopyOnWriteArrayList<>();

  boolean json;
  boolean tellsHash = true;
  boolean knowsRanges = true;

  /// Bytes of a reply after which the connection breaks.
  int cutAfter = Integer.MAX_VALUE;

  private final HttpServer server;
  private final List<Wheel> wheels;

  FakeIndex(List<Wheel> wheels) throws IOException {
    this.wheels = wheels;
    server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
    server.createContext("/simple/", this::page);
    server.createContext("/moved/", exchange -> redirect(exchange, "../files/" + last(exchange)));
    server.createContext("/files/", this::file);
    server.start();
  }

  String address() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/simple";
  }

  private static String last(HttpExchange exchange) {
    String path = exchange.getRequestURI().getPath();
    return path.substring(path.lastIndexOf('/') + 1);
  }

  private static void redirect(HttpExchange exchange, String target) throws IOException {
    exchange.getResponseHeaders().set("Location", target);
    exchange.sendResponseHeaders(302, -1);
    exchange.close();
  }

  private void page(HttpExchange exchange) throws IOException {
    List<String> path = List.of(exchange.getRequestURI().getPath().split("/"));
    List<Wheel> files =
        wheels.stream().filter(wheel -> wheel.project().equals(path.getLast())).toList();
    if (files.isEmpty()) {
      exchange.sendResponseHeaders(404, -1);
      exchange.close();
      return;
    }
    String text =
        files.stream()
            .map(json ? this::jsonEntry : this::link)
            .collect(Collectors.joining(json ? "," : "\n"));
    byte[] body =
        (json ? "{\"files\":[" + text + "]}" : "<html><body>" + text + "</body></html>")
            .getBytes(StandardCharsets.UTF_8);
    exchange
        .getResponseHeaders()
        .set("Content-Type", json ? "application/vnd.pypi.simple.v1+json" : "text/html");
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private String link(Wheel wheel) {
    String hash = tellsHash ? "#sha256=" + wheel.sha256() : "";
    return "<a class=\"x\" href=\"../../moved/%s%s\">%s</a><br/>"
        .formatted(wheel.file(), hash, wheel.file());
  }

  private String jsonEntry(Wheel wheel) {
    return "{\"filename\":\"%s\",\"url\":\"../../moved/%s\",\"hashes\":{\"sha256\":\"%s\"}}"
        .formatted(wheel.file(), wheel.file(), tellsHash ? wheel.sha256() : "");
  }

  private void file(HttpExchange exchange) throws IOException {
    byte[] content = FakeWheels.content(last(exchange));
    String range = exchange.getRequestHeaders().getFirst("Range");
    requests.add(last(exchange) + " " + range);
    int from = 0;
    if (range != null && knowsRanges) {
      from = Integer.parseInt(range.replaceAll("\\D", ""));
      exchange
          .getResponseHeaders()
          .set(
              "Content-Range",
              "bytes %d-%d/%d".formatted(from, content.length - 1, content.length));
    }
    exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
    byte[] rest = Arrays.copyOfRange(content, from, content.length);
    exchange.getResponseBody().write(rest, 0, Math.min(rest.length, cutAfter));
    exchange.close(); // before the promised length if cut
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
