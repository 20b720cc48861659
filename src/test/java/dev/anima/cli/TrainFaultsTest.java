package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anima.Golden;
import dev.anima.TinyFiles;
import dev.anima.io.SafetensorsFile;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What `anima train` does when something is wrong: one sentence, the right exit code, nothing half
/// written, nothing good lost.
class TrainFaultsTest {
  private static final byte[] OLD = {1, 2, 3};

  @TempDir Path folder;
  private final Screen screen = new Screen();

  @BeforeEach
  void lay() throws IOException {
    TinyFiles.lay(folder);
  }

  private int train(String... more) {
    return Main.run(TinyFiles.train(folder, "output", more), screen.console);
  }

  /// The last line told, which must be the only one of its kind.
  private String sentence() {
    assertThat(screen.err()).doesNotContain("\tat ", "Exception", "internal error");
    return screen.err().strip().lines().reduce("", (_, line) -> line);
  }

  private Path oldFile(String name) throws IOException {
    Path file = folder.resolve("output").resolve(name);
    Files.createDirectories(file.getParent());
    return Files.write(file, OLD);
  }

  private List<String> written() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("output"))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.endsWith(".run")) // the record of the run itself
          .sorted()
          .toList();
    }
  }

  // ---- a device that is not there --------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"mps", "cuda:999", "cuda:99999999999", "gpu"})
  void aDeviceThatCannotTrain(String device) {
    assertThat(train("--device=" + device)).isEqualTo(2);
    assertThat(screen.err()).contains("--device");
    assertThat(sentence()).isNotEmpty();
    assertThat(Main.run(List.of("bench", "--device=" + device), screen.console)).isEqualTo(2);
    assertThat(sentence()).isNotEmpty();
  }

  // ---- NaN ------------------------------------------------------------------------------------

  @Test
  void anAbsurdLearningRateStopsBeforeAGoodFileIsReplaced() throws IOException {
    Path old = oldFile("nami.safetensors");

    int exitCode = train("--max_train_steps=20", "--learning_rate=1e30");

    assertThat(exitCode).isEqualTo(1);
    assertThat(sentence())
        .contains("became", " at step ", "learning_rate (1e+30 now)", "Nothing was saved over");
    assertThat(old).hasBinaryContent(OLD);
    assertThat(written()).containsExactly("nami.safetensors");
  }

  @Test
  void weightsThatAreNoNumbersAreNotSaved() throws IOException {
    int exitCode =
        train(
            "--max_train_steps=1", "--learning_rate=1e30", "--optimizer_args", "weight_decay=1e30");

    assertThat(exitCode).isEqualTo(1);
    assertThat(sentence()).startsWith("the weights became NaN or infinite at step 1");
    assertThat(written()).isEmpty();
  }

  @Test
  void aStartFileWithNanIsSuspectedWhenTheFirstLossIsNan() throws IOException {
    Path start = folder.resolve("nan.safetensors");
    withNan(Golden.path("training/lora_init_dit.safetensors"), start);

    int exitCode =
        train("--network_weights=" + start, "--max_train_steps=3", "--save_every_n_steps=1");

    assertThat(exitCode).isEqualTo(1);
    assertThat(sentence())
        .contains("the loss became NaN at step 1 (epoch 1) with", ".png", "--network_weights");
    assertThat(written()).isEmpty();
  }

  private static void withNan(Path from, Path to) {
    try (SafetensorsFile file = SafetensorsFile.open(from)) {
      List<TensorData> tensors = new ArrayList<>();
      for (SafetensorsFile.Entry entry : file.entries().values()) {
        byte[] bytes = file.bytes(entry.name()).toArray(ValueLayout.JAVA_BYTE);
        if (entry.name().endsWith("lora_up.weight")) {
          Arrays.fill(bytes, (byte) 0xFF); // a NaN in every element
        }
        tensors.add(
            new TensorData(
                entry.name(), entry.dtype(), entry.shape(), MemorySegment.ofArray(bytes)));
      }
      SafetensorsWriter.write(to, tensors);
    }
  }

  // ---- the disk -------------------------------------------------------------------------------

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void aFullDiskLeavesTheOldFileWhole() throws Exception {
    Path output = folder.resolve("output");
    Files.createDirectories(output);
    String[] mount = {"mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", output.toString()};
    assumeTrue(shell(mount) == 0, "only root can make a small disk here");
    try {
      Path old = oldFile("nami.safetensors");

      int exitCode = train("--max_train_steps=1", "--network_dim=16");

      assertThat(exitCode).isEqualTo(1);
      assertThat(sentence())
          .contains("nami.safetensors: could not be written, the disk is full", "is unchanged");
      assertThat(old).hasBinaryContent(OLD);
      assertThat(written()).containsExactly("nami.safetensors");
    } finally {
      assertThat(shell("umount", output.toString())).isZero();
    }
  }

  private static int shell(String... words) throws IOException, InterruptedException {
    return new ProcessBuilder(words).redirectErrorStream(true).start().waitFor();
  }

  @Test
  void anOutputFolderThatCannotBeIsToldBeforeAnythingIsLoaded() throws IOException {
    Path file = Files.write(folder.resolve("file"), OLD);

    assertThat(train("--output_dir=" + file.resolve("below"), "--max_train_steps=1")).isEqualTo(2);
    assertThat(sentence()).contains("--output_dir", "cannot be written to");
    assertThat(screen.err()).doesNotContain("caching", "training:");
  }

  @Test
  void anOlderRunOfTheSameNameIsReplacedWithANote() throws IOException {
    Path old = oldFile("nami.safetensors");

    assertThat(train("--max_train_steps=1")).isZero();

    assertThat(screen.err())
        .contains(
            "nami.safetensors was there before this run and is replaced (another --output_name");
    SafetensorsFile.open(old).close();
  }

  @Test
  void aNameThatAnotherRunWritesUnderIsRefused() throws IOException {
    Path lock = folder.resolve("output/.nami.run.lock");
    Files.createDirectories(lock.getParent());
    try (FileChannel channel =
            FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock _ = channel.lock()) {
      assertThat(train("--max_train_steps=1")).isEqualTo(2);
    }
    assertThat(screen.err())
        .contains(
            folder.resolve("output/nami.run") + ": another run is writing there now",
            "another --output_name");
    assertThat(sentence()).isNotEmpty();
    assertThat(written()).containsExactly(".nami.run.lock");
    assertThat(train("--max_train_steps=1")).isZero();
  }

  /// The failing step is after the first: what was learnt is there, and the run goes on.
  @Test
  void aPictureThatDisappearsEndsTheRunWithWhatItLearnt() throws Exception {
    Path picture = folder.resolve("dataset/style/pic_b.png");
    Path away = folder.resolve("pic_b.png");
    Thread.ofPlatform()
        .daemon()
        .start(() -> {
          try {
            while (!screen.err().contains("nami-step00000002")) {
              Thread.sleep(5);
            }
            Files.move(picture, away);
          } catch (IOException e) {
            throw new IllegalStateException(e);
          } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
          }
        });

    assertThat(train("--max_train_steps=1000", "--save_every_n_steps=2", "--save_last_n_steps=2"))
        .isEqualTo(1);
    assertThat(sentence())
        .contains("pic_b.png", "training ended after step", "the last checkpoint is")
        .contains("When the file is back: anima resume " + folder.resolve("output/nami.run"));
    assertThat(folder.resolve("output/nami.run/end.json"))
        .content()
        .contains("FAILED", "pic_b.png");

    Files.move(away, picture);
    int started = count("training: 1000 steps");
    Thread.ofPlatform().daemon().start(() -> stopWhenMoreThan(started));
    assertThat(Main.run(List.of("resume", folder.resolve("output").toString()), screen.console))
        .as(screen.err())
        .isEqualTo(130);
  }

  private void stopWhenMoreThan(int started) {
    try {
      while (count("training: 1000 steps") == started) {
        Thread.sleep(20);
      }
      Files.createFile(folder.resolve("output/nami.run/stop"));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private int count(String words) {
    return screen.err().split(words, -1).length;
  }

  // ---- stop -----------------------------------------------------------------------------------

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void controlCSavesAndSaysHowToGoOn() throws Exception {
    Thread.ofPlatform().daemon().start(this::interruptAfterTheFirstFile);

    int exitCode =
        train(
            "--max_train_steps=100000",
            "--save_every_n_steps=1",
            "--save_last_n_steps=1",
            "--save_state");

    assertThat(exitCode).isEqualTo(130);
    assertThat(screen.err()).containsPattern("stopped by request after step \\d+");
    assertThat(screen.err())
        .containsPattern(
            "to go on from here, give the same flags and --resume=.*nami-step\\d+-state");
    Path state =
        folder
            .resolve("output")
            .resolve(
                written().reversed().stream()
                    .filter(name -> name.endsWith("-state"))
                    .findFirst()
                    .orElseThrow());
    int stopped = Integer.parseInt(state.getFileName().toString().replaceAll("\\D", ""));
    SafetensorsFile.open(folder.resolve("output/nami-step%08d.safetensors".formatted(stopped)))
        .close();
    assertThat(written()).doesNotContain("nami.safetensors");

    assertThat(train("--max_train_steps=" + (stopped + 1), "--save_state", "--resume=" + state))
        .isZero();
    assertThat(written()).contains("nami.safetensors", "nami-state");
  }

  private void interruptAfterTheFirstFile() {
    try {
      while (!screen.err().contains("nami-step00000001-state")) {
        Thread.sleep(20);
      }
      shell("kill", "-INT", Long.toString(ProcessHandle.current().pid()));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- files ----------------------------------------------------------------------------------

  @Test
  void aMissingModelFile() {
    assertThat(train("--vae=" + folder.resolve("models/vea.safetensors"))).isEqualTo(2);
    assertThat(sentence()).contains("--vae", "vea.safetensors");
  }

  @Test
  void aVaeAsDit() {
    Path vae = folder.resolve("models/vae.safetensors");
    assertThat(train("--pretrained_model_name_or_path=" + vae)).isEqualTo(2);
    assertThat(sentence()).contains("vae.safetensors", "VAE", "DiT");
  }

  @Test
  void aTruncatedModel() throws IOException {
    for (String model : List.of("dit", "qwen3", "vae")) {
      Path file = folder.resolve("models/" + model + ".safetensors");
      byte[] whole = Files.readAllBytes(file);
      Files.write(file, Arrays.copyOf(whole, whole.length - 100));
      assertThat(train("--max_train_steps=1")).as(model).isEqualTo(2);
      assertThat(sentence()).contains(model + ".safetensors");
      assertThat(Files.exists(folder.resolve("output/nami.safetensors"))).isFalse();
      Files.write(file, whole);
    }
  }

  /// With and without a cache, which meets the images at different times.
  @ParameterizedTest
  @ValueSource(strings = {"--max_train_steps=1", "--cache_latents"})
  void aBrokenImageIsNamedBeforeTraining(String flag) throws IOException {
    Path image = folder.resolve("dataset/style/pic_b.png");
    byte[] whole = Files.readAllBytes(image);
    Files.write(image, Arrays.copyOf(whole, whole.length / 2));

    assertThat(train("--resolution=128", flag)).isEqualTo(2);
    assertThat(sentence()).contains("pic_b.png");
    assertThat(screen.err()).doesNotContain("training:");
  }

  @Test
  void aLoraOfAnotherRank() {
    Path lora = Golden.path("training/lora_init_dit.safetensors");
    assertThat(train("--network_weights=" + lora, "--network_dim=8", "--max_train_steps=1"))
        .isEqualTo(2);
    assertThat(screen.err())
        .contains("has rank 4, expected 8", "pass --network_dim 4 or --dim_from_weights");
  }
}
