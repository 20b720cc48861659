package dev.anima.cli.setup;

import dev.anima.io.Download;
import dev.anima.io.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/// A package index with the "simple" interface, in HTML (PEP 503) or JSON (PEP 691): the page
/// `ADDRESS/PROJECT/` lists the files of a project.
final class SimpleIndex implements WheelSource {
  private static final String PAGE_KINDS =
      "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2,"
          + " text/html;q=0.1";

  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final URI address;
  private final HttpClient client =
      HttpClient.newBuilder()
          .followRedirects(HttpClient.Redirect.NORMAL)
          .connectTimeout(PATIENCE)
          .build();
  private final Map<String, IndexPage> pages = new HashMap<>();

  /// @param address ends with `/`
  SimpleIndex(URI address) {
    this.address = address;
  }

  @Override
  public Download.Content open(Wheel wheel, long from) throws IOException {
    URI file = fileOf(wheel);
    HttpRequest.Builder request = request(file);
    if (from > 0) {
      request.header("Range", "bytes=" + from + "-");
    }
    HttpResponse<InputStream> response = send(request);
    int status = response.statusCode();
    if (status == 200 || status == 206) {
      return new Download.Content(response.body(), status == 206 ? from : 0);
    }
    response.body().close();
    if (status == 416 && from > 0) { // what we have is no part of this file
      return open(wheel, 0);
    }
    throw refused(wheel.file(), status);
  }

  private URI fileOf(Wheel wheel) throws IOException {
    IndexPage page = pages.get(wheel.project());
    if (page == null) {
      page = page(wheel.project());
      pages.put(wheel.project(), page);
    }
    IndexPage.Entry entry = page.files().get(wheel.file());
    if (entry == null) {
      throw new InputException(
          "--index "
              + address
              + ": has "
              + wheel.project()
              + " but not "
              + wheel.file()
              + " ("
              + page.files().size()
              + " other files); name an index that keeps all versions");
    }
    if (!entry.sha256().isEmpty() && !entry.sha256().equals(wheel.sha256())) {
      throw new InputException(
          "--index "
              + address
              + ": its "
              + wheel.file()
              + " has SHA-256 "
              + entry.sha256()
              + ", expected "
              + wheel.sha256()
              + "; nothing was fetched");
    }
    return entry.address();
  }

  private IndexPage page(String project) throws IOException {
    HttpResponse<InputStream> response =
        send(request(address.resolve(project + "/")).header("Accept", PAGE_KINDS));
    try (InputStream body = response.body()) {
      if (response.statusCode() != 200) {
        throw refused("the page of " + project, response.statusCode());
      }
      String kind = response.headers().firstValue("Content-Type").orElse("");
      String text = new String(body.readAllBytes(), StandardCharsets.UTF_8);
      return IndexPage.parse(text, kind.contains("json"), response.uri());
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "--index " + address + ": the page of " + project + " is no list of files", e);
    }
  }

  private static HttpRequest.Builder request(URI target) {
    return HttpRequest.newBuilder(target).timeout(PATIENCE);
  }

  private HttpResponse<InputStream> send(HttpRequest.Builder request) throws IOException {
    try {
      return client.send(request.build(), BodyHandlers.ofInputStream());
    } catch (ConnectException e) { // nobody there, or no such name
      throw new InputException(
          "--index "
              + address
              + ": "
              + request.build().uri().getHost()
              + " does not answer; check the address and the network",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }

  /// @throws IOException if the server is at fault, which may pass
  private InputException refused(String what, int status) throws IOException {
    if (status >= 500 || status == 429) {
      throw new IOException(what + ": HTTP " + status);
    }
    String meaning =
        switch (status) {
          case 401, 403, 407 -> "the server wants a login";
          case 404, 410 -> "there is none; a package index, as pip's --index-url takes, is needed";
          default -> "the server could not give it";
        };
    return new InputException(
        "--index " + address + ": " + what + ": HTTP " + status + ", " + meaning);
  }
}
