package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LatentSourcesTest {
  @TempDir Path folder;
  private Path image;
  private Path cache;

  @BeforeEach
  void lay() throws IOException {
    image = Files.writeString(folder.resolve("a.png"), "picture");
    cache = Files.writeString(folder.resolve("a_0001x0001_anima.npz"), "latents");
    at(image, 1_000_000);
    at(cache, 2_000_000);
  }

  private static void at(Path file, long milliseconds) throws IOException {
    Files.setLastModifiedTime(file, FileTime.fromMillis(milliseconds));
  }

  private void replace(String content, long milliseconds) throws IOException {
    Files.writeString(image, content);
    at(image, milliseconds);
  }

  /// As the next run sees it.
  private boolean isSource() {
    LatentSources sources = new LatentSources();
    boolean isSource = sources.isSource(image, cache);
    sources.save();
    return isSource;
  }

  private void made() {
    LatentSources sources = new LatentSources();
    sources.made(image, LatentSources.Stamp.of(image));
    sources.save();
  }

  @Test
  void contentDecidesAboutOurCaches() throws IOException {
    made();
    assertThat(isSource()).isTrue();
    at(image, 3_000_000); // newer than the cache, but the same
    assertThat(isSource()).isTrue();
    replace("PICTURE", 3_000_000 + 1); // as long
    assertThat(isSource()).isFalse();
    replace("other", 500_000); // older than the cache
    assertThat(isSource()).isFalse();
    replace("picture", 500_000);
    assertThat(isSource()).isTrue();
  }

  @Test
  void aStrangersCacheIsBelievedIfItIsNotOlderAndWatchedFromThenOn() throws IOException {
    at(cache, 999_999);
    assertThat(isSource()).isFalse();
    at(cache, 2_000_000);
    assertThat(isSource()).isTrue();
    replace("picture", 1_500_000); // nobody knows what it held before
    assertThat(isSource()).isFalse();
    replace("picture", 1_000_000);
    assertThat(isSource()).isTrue();
    made();
    at(image, 1_500_000);
    assertThat(isSource()).isTrue();
  }

  @Test
  void aDamagedFileIsAsNone() throws IOException {
    made();
    Path file = folder.resolve(LatentSources.NAME);
    assertThat(Files.readString(file)).contains("\"a.png\"", "\"sha256\"");
    Files.writeString(file, "{\"version\":1,\"images\":{\"a.png\":");
    assertThat(isSource()).isTrue();
    assertThat(Files.readString(file)).doesNotContain("sha256").contains("\"modified\":1000000");
  }

  @Test
  void nothingNewIsNotWritten() throws IOException {
    made();
    Path file = folder.resolve(LatentSources.NAME);
    at(file, 7_000_000);
    assertThat(isSource()).isTrue();
    assertThat(Files.getLastModifiedTime(file).toMillis()).isEqualTo(7_000_000);
  }
}
