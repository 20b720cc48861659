package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anima.Golden;
import dev.anima.TinyFiles;
import dev.anima.config.Ranks;
import dev.anima.io.SafetensorsFile;
import dev.anima.train.team.Threads;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Several processes for real: started by `--nproc` or with the environment of a launcher, stopped,
/// killed, gone on with, and on two sides of a network.
class TeamCommandTest {
  private static final String STATES = "--state_every_minutes=10";

  @TempDir Path folder;
  private final List<Process> started = new ArrayList<>();

  @BeforeEach
  void lay() throws IOException {
    Golden.copyFolder(Golden.path("training/e2e/dataset"), folder.resolve("dataset"));
    Golden.copyFolder(Golden.path("tiny"), folder.resolve("models"));
    String toml = Files.readString(Golden.path("training/e2e/article.toml"));
    Files.writeString(
        folder.resolve("article.toml"),
        toml.replace("'dataset/", "'" + folder.resolve("dataset") + "/"));
  }

  @AfterEach
  void endAll() {
    started.forEach(process -> {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    });
  }

  private List<String> words(String output, String... more) {
    List<String> words =
        TinyFiles.train(
            folder,
            output,
            "--dataset_config=" + folder.resolve("article.toml"),
            "--network_args",
            "rank_dropout=0.1",
            "--cache_latents",
            "--ddp_timeout=1",
            "--seed=5");
    words.addAll(List.of(more));
    return words;
  }

  private Process start(List<String> command, Map<String, String> environment, String log)
      throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve(log).toFile());
    // As many for a process alone on its computer as for one of two: sums are added up alike.
    builder.environment().put("OMP_NUM_THREADS", "1");
    builder.environment().putAll(environment);
    Process process = builder.start();
    started.add(process);
    return process;
  }

  private Process anima(List<String> words, String log) throws IOException {
    return start(AnimaProcess.command(words), Map.of(), log);
  }

  private String said(String log) throws IOException {
    return Files.readString(folder.resolve(log));
  }

  private static int exitCode(Process process) throws InterruptedException {
    assertThat(process.waitFor(180, TimeUnit.SECONDS)).as("ends by itself").isTrue();
    return process.exitValue();
  }

  private byte[] tensors(String output) {
    try (SafetensorsFile file =
        SafetensorsFile.open(folder.resolve(output + "/nami.safetensors"))) {
      return file.data().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private float[] floats(String output) {
    try (SafetensorsFile file =
        SafetensorsFile.open(folder.resolve(output + "/nami.safetensors"))) {
      return file.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }
  }

  /// Waits until a run has done some steps.
  private void awaitSteps(Process process, String output, int steps) throws Exception {
    Path events = folder.resolve(output + "/nami.run/events.jsonl");
    while (process.isAlive()
        && (!Files.exists(events)
            || Files.readAllLines(events).stream().filter(l -> l.contains("BatchDone")).count()
                < steps)) {
      Thread.sleep(20);
    }
  }

  private List<String> in(String place) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve(place))) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static ProcessHandle child(Process parent, int rank) {
    return parent
        .children()
        .sorted(Comparator.comparingLong(ProcessHandle::pid))
        .toList()
        .get(rank);
  }

  @Test
  void aKilledProcessEndsTheOthersWithAStateToGoOnFrom() throws Exception {
    String[] flags = {"--nproc=3", "--max_train_steps=30", STATES};
    Process whole = anima(words("whole", flags), "whole.txt");
    assertThat(exitCode(whole)).as(said("whole.txt")).isZero();
    assertThat(said("whole.txt"))
        .containsOnlyOnce("training: 30 steps, 10 epochs of 3 batches")
        .doesNotContain("rank 1");
    assertThat(in("whole/nami.run")).contains("log.txt", "log.rank1.txt", "log.rank2.txt");
    assertThat(in("whole")).containsExactly("nami.run", "nami.safetensors");

    Process killed = anima(words("parts", flags), "killed.txt");
    awaitSteps(killed, "parts", 5);
    assertThat(child(killed, 1).destroyForcibly()).isTrue();
    assertThat(exitCode(killed)).as(said("killed.txt")).isEqualTo(1);
    assertThat(said("killed.txt"))
        .containsPattern("rank 1 died after step \\d+; the state was saved in ")
        .contains("go on with: anima resume " + folder.resolve("parts/nami.run"))
        .contains("ended with exit code 137");

    Process resumed = anima(List.of("resume", folder.resolve("parts").toString()), "resumed.txt");
    assertThat(exitCode(resumed)).as(said("resumed.txt")).isZero();
    assertThat(said("resumed.txt")).containsPattern("going on after step \\d+");
    assertThat(tensors("parts")).isEqualTo(tensors("whole"));
  }

  @Test
  void whereTheFirstIsKilledAnotherSavesTheState() throws Exception {
    Process run = anima(words("out", "--nproc=2", "--max_train_steps=2000", STATES), "run.txt");
    awaitSteps(run, "out", 5);
    assertThat(child(run, 0).destroyForcibly()).isTrue();

    assertThat(exitCode(run)).as(said("run.txt")).isEqualTo(1);
    assertThat(said("run.txt"))
        .containsPattern("rank 0 died after step \\d+; rank 1 saved the state in ");
    assertThat(in("out/nami.run")).anyMatch(name -> name.startsWith("state-step"));
  }

  @Test
  void aSignalStopsAllAfterTheSameStep() throws Exception {
    Process run = anima(words("out", "--nproc=2", "--max_train_steps=2000", STATES), "run.txt");
    awaitSteps(run, "out", 3);
    run.destroy(); // SIGTERM, to the parent alone

    assertThat(exitCode(run)).as(said("run.txt")).isEqualTo(130);
    assertThat(said("run.txt"))
        .contains("Stopping after this step")
        .containsPattern("stopped by request after step \\d+")
        .contains("to go on from here: anima resume");
    assertThat(in("out/nami.run")).anyMatch(name -> name.startsWith("state-step"));
  }

  @Test
  void processesThatWereStartedDifferentlyAllSaySo() throws Exception {
    int port = Threads.freePort();
    Process first =
        start(
            AnimaProcess.command(words("out", "--max_train_steps=2")),
            Ranks.local(0, 2, port),
            "first.txt");
    Process second =
        start(
            AnimaProcess.command(words("out", "--max_train_steps=2", "--network_alpha=2")),
            Ranks.local(1, 2, port),
            "second.txt");

    assertThat(exitCode(first)).as(said("first.txt")).isEqualTo(2);
    assertThat(exitCode(second)).as(said("second.txt")).isEqualTo(2);
    for (String log : List.of("first.txt", "second.txt")) {
      assertThat(said(log))
          .contains("rank 1 was not started like rank 0")
          .contains("network_alpha");
    }
  }

  @Test
  void anEnvironmentThatDoesNotFitTogetherIsOneSentence() throws Exception {
    Process run =
        start(
            AnimaProcess.command(words("out", "--max_train_steps=2")),
            Map.of("RANK", "1", "MASTER_ADDR", "localhost"),
            "run.txt");

    assertThat(exitCode(run)).isEqualTo(2);
    assertThat(said("run.txt")).contains("RANK is 1, but WORLD_SIZE is not set");
  }

  // ---- two sides of a network -------------------------------------------------------------------

  @Test
  void overTwoNetworkNamespaces() throws Exception {
    assumeTrue(canMakeNamespaces(), "needs Linux, root and the program ip (iproute2)");
    String id = Long.toString(ProcessHandle.current().pid() % 100000);
    String a = "anima" + id + "a";
    String b = "anima" + id + "b";
    try {
      for (String line :
          List.of(
              "netns add " + a,
              "netns add " + b,
              "link add va" + id + " type veth peer name vb" + id,
              "link set va" + id + " netns " + a,
              "link set vb" + id + " netns " + b,
              "-n " + a + " addr add 10.77.0.1/24 dev va" + id,
              "-n " + b + " addr add 10.77.0.2/24 dev vb" + id,
              "-n " + a + " link set va" + id + " up",
              "-n " + b + " link set vb" + id + " up",
              "-n " + a + " link set lo up",
              "-n " + b + " link set lo up")) {
        assertThat(ip(line)).as("ip " + line).isZero();
      }
      List<String> words = words("out", "--max_train_steps=3");
      Process first = start(inside(a, words), environment(0), "first.txt");
      Process second = start(inside(b, words), environment(1), "second.txt");

      assertThat(exitCode(first)).as(said("first.txt") + said("second.txt")).isZero();
      assertThat(exitCode(second)).as(said("second.txt")).isZero();
      assertThat(said("first.txt")).contains("training: 3 steps, 1 epochs of 5 batches");
      assertThat(said("second.txt")).doesNotContain("training:");

      Process here = anima(words("here", "--nproc=2", "--max_train_steps=3"), "here.txt");
      assertThat(exitCode(here)).as(said("here.txt")).isZero();
      assertThat(floats("out")).isEqualTo(floats("here"));
    } finally {
      ip("netns del " + a);
      ip("netns del " + b);
    }
  }

  private static boolean canMakeNamespaces() throws Exception {
    return System.getProperty("os.name").equals("Linux")
        && System.getProperty("user.name").equals("root")
        && ip("netns list") == 0
        && ip("netns add anima-try") == 0
        && ip("netns del anima-try") == 0;
  }

  private static int ip(String line) throws InterruptedException {
    try {
      List<String> command = new ArrayList<>(List.of("ip"));
      command.addAll(List.of(line.split(" ")));
      return new ProcessBuilder(command)
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor();
    } catch (IOException _) {
      return -1; // there is no such program
    }
  }

  private static List<String> inside(String namespace, List<String> words) {
    List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
    command.addAll(AnimaProcess.command(words));
    return command;
  }

  /// As a launcher with one process on each computer sets it.
  private static Map<String, String> environment(int rank) {
    return Map.of(
        "RANK", Integer.toString(rank),
        "WORLD_SIZE", "2",
        "LOCAL_RANK", "0",
        "LOCAL_WORLD_SIZE", "1",
        "MASTER_ADDR", "10.77.0.1",
        "MASTER_PORT", "29511");
  }
}
