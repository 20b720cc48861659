package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.config.FlagsReader;
import dev.anima.config.NetworkConfig;
import dev.anima.config.Recipes;
import dev.anima.engine.Dtype;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.EventFileReader;
import dev.anima.io.ImageFile;
import dev.anima.io.NpyArray;
import dev.anima.io.Npz;
import dev.anima.io.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// Same seed, same curve: the reference's recorded runs again, from their flags, dataset and seed
/// alone.
class EndToEndTest {
  /// Differ from run to run, or name the program.
  private static final Set<String> OWN =
      Set.of(
          "ss_session_id",
          "ss_training_started_at",
          "ss_training_finished_at",
          "ss_sd_scripts_commit_hash",
          "modelspec.date",
          "modelspec.implementation_version",
          "sshs_model_hash");

  @TempDir Path folder;

  @Test
  void article() throws IOException {
    run("article");

    assertFile("article", "article-000001.safetensors");
    assertFile("article", "article.safetensors");
  }

  static Stream<PassKind> autograd() {
    return Stream.of(new PassKind.Plain(), new PassKind.Checkpointed());
  }

  /// The other ways through the DiT, which no flag asks for.
  @ParameterizedTest
  @MethodSource("autograd")
  void articleThroughAutograd(PassKind kind) throws IOException {
    run("article", Optional.of(kind));

    assertFile("article", "article.safetensors");
  }

  @Test
  void plainAndContinued() throws IOException {
    run("plain");

    assertFile("plain", "plain-step00000003.safetensors");
    assertFile("plain", "plain-step00000006.safetensors");
    assertFile("plain", "plain.safetensors");
    assertCacheFiles();
    assertPictures();

    run("continued");

    assertFile("continued", "continued.safetensors");
  }

  @BeforeEach
  void lay() throws IOException {
    Golden.copyFolder(Golden.path("training/e2e/dataset"), folder.resolve("dataset"));
    for (String file : List.of("article.toml", "plain.toml", "prompts.txt")) {
      Files.copy(Golden.path("training/e2e/" + file), folder.resolve(file));
    }
    Golden.copyFolder(Golden.path("tiny"), folder.resolve("models"));
    Files.copy(
        Golden.path("training/lora_init_dit.safetensors"), folder.resolve("init_lora.safetensors"));
  }

  /// Runs, and checks every loss and every number in the TensorBoard file.
  private void run(String name) throws IOException {
    run(name, Optional.empty());
  }

  private void run(String name, Optional<PassKind> kind) throws IOException {
    List<String> flags = new ArrayList<>();
    Golden.json("training/e2e/index.json")
        .get("runs")
        .get(name)
        .get("flags")
        .forEach(flag -> flags.add(flag.stringValue()));
    TrainSetup setup = TrainSetup.of(FlagsReader.read(flags, folder).flags(), folder);
    RunOutcome outcome = new RunOutcome();
    boolean ditOnly = setup.config().network().trained() == NetworkConfig.Trained.DIT;
    boolean logs = setup.config().logging().dir().isPresent();
    LocalDateTime now = LocalDateTime.now(ZoneId.systemDefault());
    try (TensorBoardLog log =
            logs ? TensorBoardLog.open(setup.config().logging(), ditOnly, now) : null;
        TrainingRun run =
            new TrainingRun(
                setup,
                log == null ? outcome : TrainListener.all(List.of(outcome, log)),
                "anima/test",
                kind)) {
      run.run(() -> false);
    }
    assertLosses(name, outcome.losses());
    if (logs) {
      assertScalars(name);
    }
  }

  private static void assertLosses(String name, List<Double> losses) {
    JsonNode steps = Golden.json("training/e2e/index.json").get("runs").get(name).get("steps");
    assertThat(losses).hasSize(steps.size());
    for (int i = 0; i < losses.size(); i++) {
      double expected = steps.get(i).get("loss").doubleValue();
      assertThat(losses.get(i))
          .as("loss of step " + (i + 1))
          .isCloseTo(expected, within(expected * 1e-5)); // promised: 1e-3
    }
  }

  private void assertScalars(String name) throws IOException {
    Map<String, List<EventFileReader.Event.Scalar>> ours;
    try (Stream<Path> files = Files.walk(folder.resolve("logs").resolve(name))) {
      Path file =
          files.filter(path -> path.toString().contains("events.out")).findFirst().orElseThrow();
      assertThat(file.toString()).contains("network_train");
      ours = EventFileReader.scalars(file);
    }
    JsonNode golden =
        Golden.json("training/e2e/index.json")
            .get("runs")
            .get(name)
            .get("tensorboard")
            .iterator()
            .next()
            .get("scalars");
    Set<String> tags = new TreeSet<>();
    golden.properties().forEach(entry -> tags.add(entry.getKey()));
    assertThat(ours.keySet()).containsExactlyInAnyOrderElementsOf(tags);
    for (String tag : tags) {
      JsonNode points = golden.get(tag);
      List<EventFileReader.Event.Scalar> written = ours.getOrDefault(tag, List.of());
      assertThat(written).as(tag).hasSize(points.size());
      for (int i = 0; i < points.size(); i++) {
        double expected = points.get(i).get(1).doubleValue();
        assertThat(written.get(i).step()).as(tag).isEqualTo(points.get(i).get(0).longValue());
        assertThat((double) written.get(i).value())
            .as(tag + " " + i)
            .isCloseTo(expected, within(Math.abs(expected) * 1e-3 + 1e-9));
      }
    }
  }

  /// The cache files the reference wrote for the same images.
  private void assertCacheFiles() throws IOException {
    try (Stream<Path> files = Files.list(Golden.path("training/e2e/cache"))) {
      for (Path theirs : files.toList()) {
        Path ours;
        try (Stream<Path> written = Files.walk(folder.resolve("dataset"))) {
          ours =
              written.filter(file -> file.endsWith(theirs.getFileName())).findFirst().orElseThrow();
        }
        Map<String, NpyArray> expected = Npz.read(theirs);
        Map<String, NpyArray> actual = Npz.read(ours);
        assertThat(actual.keySet()).containsAll(expected.keySet());
        for (String name : expected.keySet()) {
          NpyArray mine = Objects.requireNonNull(actual.get(name));
          NpyArray reference = Objects.requireNonNull(expected.get(name));
          double[] a = mine.doubles();
          double[] b = reference.doubles();
          assertThat(mine.shape()).isEqualTo(reference.shape());
          assertThat(mine.type()).isEqualTo(reference.type());
          for (int i = 0; i < b.length; i++) {
            assertThat(a[i]).as(theirs.getFileName() + " " + name).isCloseTo(b[i], within(2e-5));
          }
        }
      }
    }
  }

  /// The pictures the reference drew while it trained, within one 8-bit level.
  private void assertPictures() throws IOException {
    for (String name :
        List.of(
            "plain_000003_00_7", "plain_000003_01_8", "plain_000006_00_7", "plain_000006_01_8")) {
      String start = name.substring(0, name.lastIndexOf('_'));
      Path ours;
      try (Stream<Path> files = Files.list(folder.resolve("output/plain/sample"))) {
        ours =
            files
                .filter(file -> file.getFileName().toString().startsWith(start))
                .findFirst()
                .orElseThrow();
      }
      byte[] a = ImageFile.load(ours).data();
      byte[] b = ImageFile.load(Golden.path("training/e2e/output/" + name + ".png")).data();
      assertThat(a).hasSameSizeAs(b);
      for (int i = 0; i < a.length; i++) {
        assertThat(Math.abs((a[i] & 0xFF) - (b[i] & 0xFF))).as(name).isLessThanOrEqualTo(1);
      }
    }
  }

  private void assertFile(String run, String name) {
    JsonNode golden =
        Golden.json("training/e2e/index.json").get("runs").get(run).get("saved").get(name);
    try (Scope _ = new Scope();
        SafetensorsFile ours =
            SafetensorsFile.open(folder.resolve("output").resolve(run).resolve(name));
        SafetensorsFile theirs = Golden.tensors("training/e2e/output/" + name)) {
      assertThat(ours.names()).containsExactlyElementsOf(theirs.names());
      double dot = 0;
      double ourSquares = 0;
      double theirSquares = 0;
      for (String tensor : theirs.names()) {
        Tensor a = Golden.tensor(ours, tensor).to(Dtype.F64);
        Tensor b = Golden.tensor(theirs, tensor).to(Dtype.F64);
        if (tensor.endsWith(".alpha")) {
          assertThat(a.item()).isEqualTo(b.item());
          continue;
        }
        dot += a.mul(b).sum().item();
        ourSquares += a.square().sum().item();
        theirSquares += b.square().sum().item();
      }
      double cosine = dot / Math.sqrt(ourSquares * theirSquares);
      assertThat(cosine).as("cosine of the weights").isGreaterThan(0.9999);

      Map<String, String> expected = new TreeMap<>();
      golden
          .get("metadata")
          .properties()
          .forEach(e -> expected.put(e.getKey(), e.getValue().stringValue()));
      Map<String, String> actual = new TreeMap<>(ours.metadata());
      OWN.forEach(key -> {
        assertThat(actual.containsKey(key)).as(key).isEqualTo(expected.containsKey(key));
        expected.remove(key);
        actual.remove(key);
      });
      // --no_metadata leaves out the recipe too.
      assertThat(actual.remove(Recipes.KEY) != null).isEqualTo(expected.containsKey("ss_steps"));
      assertThat(actual).isEqualTo(expected);
    }
  }
}
