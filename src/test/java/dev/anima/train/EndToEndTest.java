package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.config.FlagsReader;
import dev.anima.config.Size;
import dev.anima.dataset.SizeReader;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.ImageFile;
import dev.anima.io.ImageHeader;
import dev.anima.io.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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

  private static final SizeReader SIZES =
      file -> {
        ImageHeader header = ImageFile.header(file);
        return new Size(header.width(), header.height());
      };

  @TempDir Path folder;

  @Test
  void article() throws IOException {
    List<TrainEvent> events = run("article");

    assertLosses("article", events);
    assertFile("article", "article-000001.safetensors", Path.of("output/article"));
    assertFile("article", "article.safetensors", Path.of("output/article"));
  }

  @Test
  void plain() throws IOException {
    List<TrainEvent> events = run("plain");

    assertLosses("plain", events);
    assertFile("plain", "plain-step00000003.safetensors", Path.of("output/plain"));
    assertFile("plain", "plain.safetensors", Path.of("output/plain"));
  }

  private List<TrainEvent> run(String name) throws IOException {
    copy(Golden.path("training/e2e/dataset"), folder.resolve("dataset"));
    for (String file : List.of("article.toml", "plain.toml", "prompts.txt")) {
      Files.copy(Golden.path("training/e2e/" + file), folder.resolve(file));
    }
    copy(Golden.path("tiny"), folder.resolve("models"));
    Files.copy(
        Golden.path("training/lora_init_dit.safetensors"), folder.resolve("init_lora.safetensors"));
    List<String> flags = new ArrayList<>();
    Golden.json("training/e2e/index.json")
        .get("runs")
        .get(name)
        .get("flags")
        .forEach(flag -> flags.add(flag.stringValue()));
    List<TrainEvent> events = new ArrayList<>();
    TrainSetup setup = TrainSetup.of(FlagsReader.read(flags, folder).flags(), folder, SIZES);
    try (TrainingRun run = new TrainingRun(setup, events::add, "anima/test")) {
      run.run(() -> false);
    }
    return events;
  }

  private static void assertLosses(String name, List<TrainEvent> events) {
    JsonNode steps = Golden.json("training/e2e/index.json").get("runs").get(name).get("steps");
    List<TrainEvent.BatchDone> done =
        events.stream()
            .filter(TrainEvent.BatchDone.class::isInstance)
            .map(TrainEvent.BatchDone.class::cast)
            .toList();
    for (int i = 0; i < done.size(); i++) {
      double expected = steps.get(i).get("loss").doubleValue();
      System.err.println(i + " " + done.get(i).loss() + " " + expected);
    }
    for (int i = 0; i < done.size(); i++) {
      double expected = steps.get(i).get("loss").doubleValue();
      assertThat(done.get(i).loss()).as("loss of step " + (i + 1)).isCloseTo(expected, within(expected * 1e-3));
    }
    assertThat(done).hasSize(steps.size());
  }

  private void assertFile(String run, String name, Path outputDir) {
    JsonNode golden =
        Golden.json("training/e2e/index.json").get("runs").get(run).get("saved").get(name);
    try (Scope _ = new Scope();
        SafetensorsFile ours = SafetensorsFile.open(folder.resolve(outputDir).resolve(name));
        SafetensorsFile theirs = Golden.tensors("training/e2e/output/" + name)) {
      assertThat(ours.names()).containsExactlyElementsOf(theirs.names());
      double dot = 0;
      double ourSquares = 0;
      double theirSquares = 0;
      for (String tensor : theirs.names()) {
        Tensor a = Golden.tensor(ours, tensor).to(dev.anima.engine.Dtype.F64);
        Tensor b = Golden.tensor(theirs, tensor).to(dev.anima.engine.Dtype.F64);
        if (tensor.endsWith(".alpha")) {
          assertThat(a.item()).isEqualTo(b.item());
          continue;
        }
        dot += a.mul(b).sum().item();
        ourSquares += a.square().sum().item();
        theirSquares += b.square().sum().item();
      }
      double cosine = dot / Math.sqrt(ourSquares * theirSquares);
      System.err.println("cosine " + cosine);
      assertThat(cosine).as("cosine of the weights").isGreaterThan(0.9999);

      Map<String, String> expected = new TreeMap<>();
      golden.get("metadata").properties().forEach(e -> expected.put(e.getKey(), e.getValue().stringValue()));
      Map<String, String> actual = new TreeMap<>(ours.metadata());
      OWN.forEach(
          key -> {
            assertThat(actual.containsKey(key)).as(key).isEqualTo(expected.containsKey(key));
            expected.remove(key);
            actual.remove(key);
          });
      assertThat(actual).isEqualTo(expected);
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.copy(file, target);
        }
      }
    }
  }
}
