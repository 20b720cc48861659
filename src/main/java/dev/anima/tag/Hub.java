package dev.anima.tag;

import dev.anima.io.Checksum;
import dev.anima.io.Download;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// A server with the addresses of Hugging Face: `ADDRESS/NAME/REPO/resolve/main/FILE`. Before the
/// content it tells length and hash: the SHA-256 of large files, Git's hash of small ones.
final class Hub {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int MOST_REDIRECTS = 5;

  private final URI address;
  private final RepoId repo;
  private final HttpClient client =
      HttpClient.newBuilder()
          .followRedirects(HttpClient.Redirect.NEVER) // what is told on the way counts
          .connectTimeout(PATIENCE)
          .build();

  /// @throws InputException if `endpoint` is no address
  Hub(String endpoint, RepoId repo) {
    this.repo = repo;
    String lower = endpoint.toLowerCase(Locale.ROOT);
    try {
      address = URI.create(endpoint.endsWith("/") ? endpoint : endpoint + "/");
    } catch (IllegalArgumentException e) {
      throw new InputException(notAnAddress(endpoint), e);
    }
    if (address.getHost() == null
        || !(lower.startsWith("http://") || lower.startsWith("https://"))) {
      throw new InputException(notAnAddress(endpoint));
    }
  }

  private static String notAnAddress(String endpoint) {
    return "--endpoint: \"%s\" is no address, expected one such as https://huggingface.co"
        .formatted(endpoint);
  }

  /// What the server tells of a file.
  private record Told(long bytes, Optional<Checksum> checksum) {}

  /// Fetches all files of the model into `folder`. What an earlier attempt left is gone on with.
  ///
  /// @throws InputException if the server cannot be reached or has no such model
  /// @throws RunFailedException if a file does not come whole, or is not what the server promised
  void fetch(Path folder, TaggerStore.Listener listener) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new InputException(
          "--model_dir: %s cannot be made (%s)".formatted(folder, e.getMessage()), e);
    }
    for (String file : repo.files()) {
      try {
        fetch(file, folder.resolve(file), listener);
      } catch (IOException e) {
        throw new RunFailedException(
            "%s: %s could not be fetched (%s)".formatted(given(), file, e.getMessage()), e);
      }
    }
  }

  private void fetch(String file, Path target, TaggerStore.Listener listener) throws IOException {
    Told told = told(file);
    Path part = target.resolveSibling(file + ".part");
    long had = Files.exists(part) ? Files.size(part) : 0;
    requireRoom(told.bytes() - had, target);
    Download download =
        new Download(
            new Download.Goal(given() + ": " + file, told.bytes(), told.checksum()),
            from -> content(file, from),
            true,
            part,
            at -> listener.at(file, at, told.bytes()));
    try {
      download.fetch();
    } catch (RunFailedException e) {
      if (had == 0 || Files.exists(part)) {
        throw e;
      }
      download.fetch(); // the left-over was of another version: once more from the start
    }
    Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static void requireRoom(long bytes, Path target) throws IOException {
    Path folder = target.toAbsolutePath().getParent();
    long free = folder == null ? Long.MAX_VALUE : Files.getFileStore(folder).getUsableSpace();
    if (free < bytes) {
      throw new RunFailedException(
          "%s: the disk has %d MB free, %d MB are needed"
              .formatted(target, free / 1_000_000, bytes / 1_000_000));
    }
  }

  private Told told(String file) throws IOException {
    Map<String, String> headers = new HashMap<>();
    HttpRequest.Builder head =
        HttpRequest.newBuilder(uri(file)).method("HEAD", HttpRequest.BodyPublishers.noBody());
    follow(file, head, headers).body().close();
    String length = headers.getOrDefault("x-linked-size", headers.get("content-length"));
    if (length == null || !length.matches("\\d{1,18}")) {
      throw new RunFailedException(
          "%s: %s does not tell the length of %s; is it a server for models?"
              .formatted(given(), address, file));
    }
    return new Told(Long.parseLong(length), checksum(headers));
  }

  private static Optional<Checksum> checksum(Map<String, String> headers) {
    String tag = headers.getOrDefault("x-linked-etag", headers.getOrDefault("etag", ""));
    String hex = tag.replaceFirst("^W/", "").replace("\"", "").toLowerCase(Locale.ROOT);
    if (hex.matches("[0-9a-f]{64}")) {
      return Optional.of(Checksum.sha256(hex));
    }
    return hex.matches("[0-9a-f]{40}")
        ? Optional.of(new Checksum(Checksum.Kind.GIT_BLOB, hex))
        : Optional.empty();
  }

  private Download.Content content(String file, long from) throws IOException {
    HttpRequest.Builder get = HttpRequest.newBuilder(uri(file));
    if (from > 0) {
      get.header("Range", "bytes=" + from + "-");
    }
    HttpResponse<InputStream> response = follow(file, get, new HashMap<>());
    return new Download.Content(response.body(), response.statusCode() == 206 ? from : 0);
  }

  private URI uri(String file) {
    return address.resolve(repo.remotePath(file));
  }

  /// The answer at the end of all redirects.
  ///
  /// @param headers gets those of every answer on the way, by lower-case name; a later one does not
  ///   replace an earlier one, but for the length, which only the last answer tells
  private HttpResponse<InputStream> follow(
      String file, HttpRequest.Builder request, Map<String, String> headers) throws IOException {
    URI at = uri(file);
    for (int hop = 0; hop <= MOST_REDIRECTS; hop++) {
      HttpResponse<InputStream> response = send(request.uri(at).timeout(PATIENCE).build());
      int status = response.statusCode();
      Optional<String> next = response.headers().firstValue("Location");
      boolean redirect = status >= 300 && status < 400 && next.isPresent();
      response
          .headers()
          .map()
          .forEach((name, values) -> {
            String key = name.toLowerCase(Locale.ROOT);
            // An ETag of a redirect is that of the file only if the server says so ("linked").
            if (!redirect || key.startsWith("x-linked-")) {
              headers.putIfAbsent(key, values.getFirst());
            }
          });
      boolean toldAll = headers.containsKey("x-linked-size") && isHead(response);
      if (!redirect || toldAll) {
        if (toldAll || status == 200 || status == 206) {
          return response;
        }
        response.body().close();
        throw refused(file, status);
      }
      response.body().close();
      at = at.resolve(next.get());
    }
    throw new IOException("the server sends from one address to the next");
  }

  private static boolean isHead(HttpResponse<InputStream> response) {
    return response.request().method().equals("HEAD");
  }

  private HttpResponse<InputStream> send(HttpRequest request) throws IOException {
    try {
      return client.send(request, BodyHandlers.ofInputStream());
    } catch (ConnectException | HttpTimeoutException e) { // nobody there, or no such name
      throw new InputException(
          "%s: %s does not answer, so the model cannot be fetched; check the network, or copy %s into a folder and give it with --model"
              .formatted(given(), request.uri().getHost(), String.join(" and ", repo.files())),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }

  /// @throws IOException if the server is at fault, which may pass
  private InputException refused(String file, int status) throws IOException {
    if (status >= 500 || status == 429) {
      throw new IOException(file + ": HTTP " + status);
    }
    String meaning =
        switch (status) {
          case 401, 403 -> "there is no such model, or it needs a login";
          case 404, 410 -> "there is no such model, or it has no " + file;
          default -> "the server could not give it";
        };
    return new InputException(
        "%s: %s: HTTP %d for %s, %s".formatted(given(), address, status, file, meaning));
  }

  private String given() {
    return "--repo_id " + repo;
  }
}
