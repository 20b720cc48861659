package dev.anima.cli.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// The command of the article that the program is measured by, on the recorded run's own files.
class ArticleTest {
  @TempDir Path temp;
  private final List<String> command = new ArrayList<>();
  private Desk desk;

  @BeforeEach
  void layOut() {
    desk = new Desk(temp);
    JsonNode index = Golden.json("training/e2e/index.json");
    for (JsonNode image : index.get("images")) {
      String file = image.get("file").stringValue();
      desk.copy(Golden.path("training/e2e/" + file), file);
      if (!image.get("caption").isNull()) {
        desk.text(file.replace(".png", ".txt"), image.get("caption").stringValue());
      }
    }
    desk.copy(Golden.path("training/e2e/article.toml"), "article.toml");
    index.get("runs").get("article").get("flags").forEach(flag -> command.add(flag.stringValue()));
  }

  private Desk.Outcome json() {
    List<String> words = new ArrayList<>(command);
    words.add("--json");
    Desk.Outcome outcome = desk.check(words);
    assertThat(outcome.err()).isEmpty();
    assertThat(outcome.exitCode()).isZero();
    return outcome;
  }

  @Test
  void countsImagesAndStepsAsTheRecordedRun() {
    JsonNode json = json().json();
    assertThat(json.get("images").intValue()).isEqualTo(6);
    assertThat(json.get("captions_missing").intValue()).isEqualTo(1);
    assertThat(json.get("batches_per_epoch").intValue()).isEqualTo(9);
    assertThat(json.get("steps_per_epoch").intValue()).isEqualTo(9);
    assertThat(json.get("epochs").intValue()).isEqualTo(2);
    int recorded =
        Golden.json("training/e2e/index.json").get("runs").get("article").get("steps").size();
    assertThat(json.get("total_steps").intValue()).isEqualTo(recorded).isEqualTo(18);
    assertThat(json.get("warmup_steps").intValue()).isEqualTo(5);
  }

  @Test
  void listsEveryImageWithItsPlaceInABucket() {
    JsonNode json = json().json();
    JsonNode file =
        json.get("files")
            .valueStream()
            .filter(f -> f.get("path").stringValue().endsWith("img03.png"))
            .findFirst()
            .orElseThrow();
    assertThat(file.get("width").intValue()).isEqualTo(96);
    assertThat(file.get("height").intValue()).isEqualTo(168);
    assertThat(file.get("bucket").toString()).isEqualTo("[96,160]");
    assertThat(file.get("resized").toString()).isEqualTo("[96,168]");
    assertThat(file.get("crop").toString()).isEqualTo("[0,4]");
    assertThat(file.get("repeats").intValue()).isEqualTo(1);
    assertThat(file.get("caption").stringValue()).startsWith("panchy, 1girl, standing");
    assertThat(json.get("buckets").valueStream().mapToInt(b -> b.get("repeats").intValue()).sum())
        .isEqualTo(9);
    assertThat(
            json.get("buckets")
                .valueStream()
                .filter(b -> b.get("width").intValue() == 128 && b.get("height").intValue() == 96)
                .findFirst()
                .orElseThrow()
                .get("images")
                .intValue())
        .isEqualTo(2);
  }

  @Test
  void saysThatTheWarmUpIsInSteps() {
    Desk.Outcome outcome = json();
    JsonNode warmup = outcome.flag("lr_warmup_steps");
    assertThat(warmup.get("status").stringValue()).isEqualTo("abbreviated");
    assertThat(warmup.get("value").stringValue()).isEqualTo("5");
    assertThat(warmup.get("resolved").stringValue()).isEqualTo("5 steps");
    assertThat(outcome.warnings()).anyMatch(w -> w.contains("5 steps") && w.contains("not 5 %"));
  }

  @Test
  void saysWhichNoiseFlagsDoNothing() {
    Desk.Outcome outcome = json();
    for (String flag :
        List.of(
            "min_snr_gamma",
            "noise_offset",
            "multires_noise_iterations",
            "multires_noise_discount")) {
      assertThat(outcome.flag(flag).get("status").stringValue()).as(flag).isEqualTo("ignored");
      assertThat(outcome.warnings())
          .anyMatch(w -> w.contains("--" + flag) && w.contains("no effect"));
    }
    assertThat(outcome.flag("ip_noise_gamma").get("status").stringValue()).isEqualTo("effective");
  }

  @Test
  void saysThatTheTextEncoderIsTrainedToo() {
    Desk.Outcome outcome = json();
    assertThat(outcome.warnings()).anyMatch(w -> w.contains("Qwen3 text encoder is trained too"));
    JsonNode lora = outcome.json().get("lora");
    assertThat(lora.get("dit_modules").intValue()).isEqualTo(30);
    assertThat(lora.get("text_encoder_modules").intValue()).isEqualTo(21);
    assertThat(lora.get("scale").doubleValue()).isEqualTo(1.0);
  }

  @Test
  void namesTheFilesOfTheRecordedRun() {
    List<String> recorded = new ArrayList<>();
    Golden.json("training/e2e/index.json")
        .get("runs")
        .get("article")
        .get("files")
        .forEach(file -> recorded.add(file.stringValue()));
    JsonNode outputs = json().json().get("outputs");
    assertThat(
            outputs
                .valueStream()
                .map(o -> slashed(temp.relativize(Path.of(o.get("path").stringValue())))))
        .containsExactlyElementsOf(recorded);
    assertThat(outputs.valueStream().map(o -> o.get("step").intValue())).containsExactly(9, 18);
  }

  @Test
  void measuresOnlyWhenAsked() {
    assertThat(json().json().has("time")).isFalse();
    command.add("--measure");
    JsonNode json = json().json();
    double seconds = json.get("flops_per_step").doubleValue() / Desk.FLOPS_PER_SECOND;
    assertThat(seconds).isPositive();
    assertThat(json.get("time").get("seconds_per_step").doubleValue()).isEqualTo(seconds);
    assertThat(json.get("time").get("seconds_total").doubleValue()).isEqualTo(18 * seconds);
  }

  @Test
  void tellsTheMemoryPlan() {
    JsonNode memory = json().json().get("memory");
    assertThat(memory.get("limit").stringValue()).isEqualTo("free");
    assertThat(memory.get("blocks").stringValue())
        .isEqualTo("input_only"); // the flag of the article
    // float32 as in the file: all of it stays mapped
    assertThat(memory.get("mapped_bytes").longValue())
        .isGreaterThanOrEqualTo(json().json().get("models").get(0).get("bytes").longValue());
    long most = 0;
    for (JsonNode phase : memory.get("phases")) {
      long parts =
          phase.get("parts").valueStream().mapToLong(part -> part.get("bytes").longValue()).sum();
      assertThat(parts).isEqualTo(phase.get("bytes").longValue());
      most = Math.max(most, parts);
    }
    assertThat(memory.get("total_bytes").longValue()).isEqualTo(most);
    assertThat(memory.get("margin_bytes").longValue())
        .isEqualTo(memory.get("limit_bytes").longValue() - most);
  }

  @Test
  void refusesWhatDoesNotFit() {
    command.add("--max_memory=0.3GB");

    command.add("--json");

    Desk.Outcome outcome = desk.check(command);

    assertThat(outcome.exitCode()).isEqualTo(2);
    assertThat(outcome.errors())
        .singleElement()
        .asString()
        .startsWith("the run needs ")
        .contains("--max_memory allows 300 MB");
  }

  private static String slashed(Path path) {
    return path.toString().replace('\\', '/');
  }

  @Test
  void estimatesTheSizeOfTheLora() {
    JsonNode output = json().json().get("outputs").get(0);
    long actual = Golden.path("training/e2e/output/article-000001.safetensors").toFile().length();
    assertThat(output.get("bytes").longValue()).isBetween(actual * 9 / 10, actual * 11 / 10);
  }

  @Test
  void textFitsATerminalAndEndsWithTheWarnings() {
    Desk.Outcome outcome = desk.check(command);
    assertThat(outcome.exitCode()).isZero();
    assertThat(outcome.out())
        .contains("2 epochs: 18 steps", "5 steps, 27.8 % of the run", "cosine_with_restarts")
        .contains("The run can start, with")
        .contains("30 modules on the DiT and 21", "rank 4, alpha 4, so it counts 1");
    List<String> wide =
        outcome
            .out()
            .lines()
            .filter(line -> line.length() > 80 && line.strip().contains(" "))
            .toList();
    assertThat(wide.stream().filter(line -> !line.contains(temp.toString()))).isEmpty();
    int warnings = outcome.out().indexOf("The run can start");
    assertThat(outcome.out().indexOf("Qwen3 text encoder is trained too", warnings))
        .isPositive()
        .isLessThan(outcome.out().indexOf("--min_snr_gamma has no effect", warnings));
  }
}
