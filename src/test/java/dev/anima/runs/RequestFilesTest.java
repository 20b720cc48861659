package dev.anima.runs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.train.Requests.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RequestFilesTest {
  @TempDir Path folder;
  private long now;

  private RequestFiles watch() {
    return RequestFiles.in(folder, () -> now);
  }

  private Path touch(String name) throws IOException {
    return Files.createFile(folder.resolve(name));
  }

  private void later() {
    now += RequestFiles.NANOS_BETWEEN_LOOKS;
  }

  @Test
  void eachFileAsksOnceAndIsRemoved() throws IOException {
    RequestFiles requests = watch();
    later();
    assertThat(requests.take()).isEmpty();

    Path sample = touch("sample");
    Path save = touch("save.txt");
    later();
    assertThat(requests.take()).containsExactly(Kind.SAMPLE, Kind.SAVE);
    assertThat(sample).doesNotExist();
    assertThat(save).doesNotExist();
    later();
    assertThat(requests.take()).isEmpty();
    assertThat(requests.stop()).isFalse();
  }

  @Test
  void aStopStays() throws IOException {
    RequestFiles requests = watch();
    Path stop = touch("stop");
    touch("sample");
    later();
    assertThat(requests.stop()).isTrue();
    assertThat(stop).doesNotExist();
    later();
    assertThat(requests.stop()).isTrue();
    assertThat(requests.take()).containsExactly(Kind.SAMPLE);
  }

  @Test
  void theFolderIsLookedAtNowAndThen() throws IOException {
    RequestFiles requests = watch();
    Path sample = touch("sample");
    now += RequestFiles.NANOS_BETWEEN_LOOKS - 1;
    assertThat(requests.take()).isEmpty();
    assertThat(sample).exists();
    now += 1;
    assertThat(requests.take()).containsExactly(Kind.SAMPLE);
  }

  @Test
  void whatWasMeantForAnEarlierRunIsForgotten() throws IOException {
    Path stop = touch("stop");
    RequestFiles requests = watch();
    assertThat(stop).doesNotExist();
    later();
    assertThat(requests.stop()).isFalse();
  }

  /// A folder of that name with something in it cannot be deleted: it asks once, not for ever.
  @Test
  void whatCannotBeRemovedAsksOnce() throws IOException {
    RequestFiles requests = watch();
    Files.createFile(Files.createDirectory(folder.resolve("sample")).resolve("x"));
    later();
    assertThat(requests.take()).containsExactly(Kind.SAMPLE);
    later();
    assertThat(requests.take()).isEmpty();
  }

  @Test
  void aSignalAsksForPicturesToo() throws IOException {
    boolean[] asked = {true};
    var requests =
        watch()
            .or(() -> {
              boolean was = asked[0];
              asked[0] = false;
              return was;
            });
    assertThat(requests.take()).containsExactly(Kind.SAMPLE);
    assertThat(requests.take()).isEmpty();
    touch("save");
    later();
    asked[0] = true;
    assertThat(requests.take()).containsExactly(Kind.SAMPLE, Kind.SAVE);
  }
}
