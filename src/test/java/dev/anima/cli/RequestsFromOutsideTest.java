package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.TinyFiles;
import dev.anima.io.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a user asks of `anima train` from another window, through files in the run's folder.
class RequestsFromOutsideTest {
  @TempDir Path folder;
  private final Screen screen = new Screen();

  @Test
  void picturesACheckpointAndAStop() throws Exception {
    TinyFiles.lay(folder);
    Path run = folder.resolve("output/nami.run");
    CompletableFuture<Void> user =
        CompletableFuture.runAsync(
            () -> {
              try {
                until(() -> screen.err().contains("training: 100000 steps"));
                ask(run, "sample");
                until(() -> screen.err().split("sample /", -1).length == 3);
                ask(run, "save");
                until(() -> screen.err().contains("saved " + run.resolve("state-step")));
              } finally {
                ask(run, "stop");
              }
            },
            task -> Thread.ofPlatform().daemon().start(task)); // the pool is for the program

    int exitCode =
        Main.run(
            TinyFiles.train(
                folder,
                "output",
                "--max_train_steps=100000",
                "--sample_prompts=" + folder.resolve("prompts.txt")),
            screen.console);

    user.get();
    assertThat(exitCode).as(screen.err()).isEqualTo(130);
    assertThat(screen.err())
        .containsPattern("stopped by request after step \\d+")
        .contains("to go on from here: anima resume " + run);
    assertThat(names(folder.resolve("output/sample"))).hasSize(2);
    List<String> files =
        names(folder.resolve("output")).stream()
            .filter(name -> name.endsWith(".safetensors"))
            .toList();
    assertThat(files).hasSize(2).allMatch(name -> name.matches("nami-step\\d{8}\\.safetensors"));
    for (String file : files) {
      SafetensorsFile.open(folder.resolve("output").resolve(file)).close();
    }
    assertThat(names(run)).doesNotContain("sample", "save", "stop");
    assertThat(Files.readString(run.resolve("end.json"))).contains("STOPPED");
  }

  private static List<String> names(Path place) throws IOException {
    try (Stream<Path> files = Files.list(place)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static void until(BooleanSupplier condition) {
    try {
      for (int i = 0; i < 3000 && !condition.getAsBoolean(); i++) {
        Thread.sleep(20);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    assertThat(condition.getAsBoolean()).isTrue();
  }

  private static void ask(Path run, String what) {
    try {
      Files.createFile(run.resolve(what));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    until(() -> !Files.exists(run.resolve(what)));
  }
}
