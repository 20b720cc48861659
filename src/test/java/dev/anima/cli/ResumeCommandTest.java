package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.TinyFiles;
import dev.anima.io.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Nothing lost: a run that is killed goes on from its rolling state to the same file.
class ResumeCommandTest {
  /// More by hand: `-Danima.kills=20`.
  private static final int KILLS = Integer.getInteger("anima.kills", 2);

  @TempDir Path folder;
  private final Screen screen = new Screen();

  @BeforeEach
  void lay() throws IOException {
    TinyFiles.lay(folder);
  }

  private List<String> words(String output, String... more) {
    List<String> words =
        TinyFiles.train(
            folder,
            output,
            "--network_args",
            "rank_dropout=0.1",
            "--network_dropout=0.1",
            "--seed=5");
    words.addAll(List.of(more));
    return words;
  }

  private int anima(List<String> words) {
    return Main.run(words, screen.console);
  }

  private List<String> in(Path place) throws IOException {
    try (Stream<Path> files = Files.list(place)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void killedRunsEndInTheSameFile() throws Exception {
    String steps = "--max_train_steps=24";
    assertThat(anima(words("whole", steps))).isZero();
    byte[] whole = tensors("whole");

    Random random = new Random();
    int started = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      if (!hasEnded()) {
        started++;
        kill(
            started == 1 ? words("parts", steps, "--state_every_minutes=0.0005") : resume(),
            random);
      }
    }
    if (!hasEnded()) {
      assertThat(anima(resume())).as(screen.err()).isZero();
    }
    assertThat(tensors("parts")).isEqualTo(whole);
    assertThat(in(folder.resolve("parts/nami.run")))
        .contains("end.json", "events.jsonl", "log.txt", "run.json")
        .noneMatch(name -> name.startsWith("state-"));
  }

  /// The final file comes a moment before the record of the end: a run that is killed between the
  /// two is taken up once more.
  private boolean hasEnded() {
    return Files.exists(folder.resolve("parts/nami.run/end.json"));
  }

  /// Times of day are in the metadata, so the tensors are compared.
  private byte[] tensors(String output) {
    try (SafetensorsFile file =
        SafetensorsFile.open(folder.resolve(output + "/nami.safetensors"))) {
      return file.data().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private List<String> resume() {
    return List.of("resume", folder.resolve("parts").toString());
  }

  /// Ends the process like a power cut, at some moment of its training.
  private void kill(List<String> words, Random random) throws Exception {
    Process process =
        new ProcessBuilder(AnimaProcess.command(words))
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("killed.txt").toFile())
            .start();
    Path events = folder.resolve("parts/nami.run/events.jsonl");
    long before = Files.exists(events) ? Files.size(events) : 0;
    while (process.isAlive() && (!Files.exists(events) || Files.size(events) < before + 2000)) {
      Thread.sleep(20);
    }
    Thread.sleep(random.nextInt(1500));
    process.destroyForcibly();
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void theRecordTellsEverything() throws IOException {
    assertThat(anima(words("out", "--max_train_steps=2"))).isZero();

    Path run = folder.resolve("out/nami.run");
    assertThat(in(run))
        .containsExactly(
            "end.json",
            "events.jsonl",
            "log.txt",
            "pictures.csv",
            "run.json",
            "subsets.csv",
            "tags.csv");
    assertThat(in(folder.resolve("out"))).containsExactly("nami.run", "nami.safetensors");
    assertThat(Files.readString(run.resolve("run.json")))
        .contains("--learning_rate=0.001", "\"seed\" : 5", "rank_dropout=0.1");
    assertThat(Files.readString(run.resolve("log.txt"))).contains("training: 2 steps");
    assertThat(Files.readString(run.resolve("end.json"))).contains("FINISHED", "\"step\":2");
    assertThat(Files.readAllLines(run.resolve("events.jsonl")))
        .allMatch(line -> line.startsWith("{\"time\":\"") && line.endsWith("}"))
        .anyMatch(line -> line.contains("\"event\":\"BatchDone\"") && line.contains("\"loss\":"))
        .anyMatch(line -> line.contains("nami.safetensors\""));

    assertThat(anima(List.of("resume", run.toString()))).isEqualTo(2);
    assertThat(screen.err())
        .contains("this run is finished (step 2); there is nothing to go on with");
  }

  @Test
  void anEarlierRunOfTheNameIsKept() throws IOException {
    assertThat(anima(words("out", "--max_train_steps=1"))).isZero();
    assertThat(anima(words("out", "--max_train_steps=2"))).isZero();

    assertThat(in(folder.resolve("out"))).contains("nami.run", "nami.run.1");
    assertThat(screen.err())
        .contains("note: the record of an earlier run of this name is kept in ");
  }

  @Test
  void thereMustBeARun() {
    assertThat(anima(List.of("resume", folder.toString()))).isEqualTo(2);
    assertThat(screen.err())
        .contains(folder + ": no run is recorded there")
        .contains("NAME.run beside the LoRA's files");
  }

  @Test
  void minutesMustMakeSense() {
    assertThat(anima(words("out", "--state_every_minutes=-1"))).isEqualTo(2);
    assertThat(screen.err())
        .contains("--state_every_minutes must be 0 (never) or a number of minutes");
  }
}
