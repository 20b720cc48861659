package dev.anima.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.cli.Console;
import dev.anima.cli.Main;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// What `anima bench --what` measures beside steps, at tiny sizes. Times are not looked at.
class BenchPartsTest {
  @TempDir Path folder;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int anima(String... words) {
    return Main.run(
        List.of(words),
        Console.of(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8)));
  }

  private JsonNode bench(String... more) {
    List<String> words =
        new ArrayList<>(
            List.of("bench", "--device=cpu", "--folder=" + folder, "--warmup=0", "--json"));
    words.addAll(List.of(more));
    assertThat(anima(words.toArray(String[]::new))).as(err::toString).isZero();
    return JsonMapper.shared().readTree(out.toString(StandardCharsets.UTF_8));
  }

  @Test
  void vaeAndTextGoByTheirNames() {
    JsonNode reports =
        bench(
            "--what=vae,text",
            "--steps=1",
            "--pixels=32",
            "--captions=2",
            "--text_tokens=5",
            "--text_layers=1");

    assertThat(reports.propertyNames()).containsExactly("vae", "text");
    JsonNode vae = reports.get("vae");
    assertThat(vae.get("unit").stringValue()).isEqualTo("images");
    assertThat(vae.get("ways"))
        .extracting(way -> way.get("way").stringValue())
        .containsExactly("2-D, what training uses", "3-D, as the file has it");
    JsonNode text = reports.get("text");
    assertThat(text.get("unit").stringValue()).isEqualTo("captions");
    assertThat(text.get("ways"))
        .extracting(way -> way.get("way").stringValue())
        .containsExactly(
            "one at a time, what training does", "all at once", "one at a time, padded to 512");
    for (JsonNode report : reports) {
      for (JsonNode way : report.get("ways")) {
        assertThat(way.get("median").doubleValue())
            .isBetween(way.get("min").doubleValue(), way.get("max").doubleValue());
        assertThat(way.get("per_second").doubleValue())
            .isEqualTo(way.get("items").intValue() / way.get("median").doubleValue());
      }
    }
  }

  @Test
  void aLoadedFileIsNotCopiedAndNotLeftBehind() {
    JsonNode report = bench("--what=load", "--load_blocks=1");

    long bytes = report.get("file_bytes").longValue();
    assertThat(bytes).isGreaterThan(100_000_000);
    assertThat(report.get("seconds").doubleValue()).isPositive();
    assertThat(report.get("touch_seconds").doubleValue()).isPositive();
    if (report.has("anonymous_bytes")) { // Linux
      assertThat(report.get("anonymous_bytes").longValue()).isLessThan(bytes / 4);
      assertThat(report.get("mapped_bytes").longValue()).isPositive();
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aStartIsMeasuredInAProcessOfItsOwn() {
    JsonNode report = bench("--what=startup", "--steps=1");

    assertThat(report.get("runs")).hasSize(1);
    JsonNode run = report.get("runs").get(0);
    assertThat(run.get("ready").doubleValue()).isPositive();
    assertThat(run.get("first_step").doubleValue())
        .isBetween(run.get("ready").doubleValue(), run.get("end").doubleValue());
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @CsvSource({
    "--what=steps, 'expected one of step, vae, text, load, startup, all'",
    "--captions=0, 1 or more",
    "--load_blocks=0, 1 or more"
  })
  void namesWhatIsWrong(String option, String expected) {
    assertThat(anima("bench", "--device=cpu", option)).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains(option, expected);
  }

  @Test
  void aMissingFolderIsNamed() {
    assertThat(anima("bench", "--device=cpu", "--what=load", "--folder=nowhere")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("--folder=nowhere");
  }

  @Test
  void tablesCompareWithTheLastWay() {
    SpeedReport.Row fast =
        SpeedReport.Row.of(new SpeedReport.Way("fast", 4, () -> {}), List.of(1.0, 3.0, 2.0));
    SpeedReport.Row slow =
        SpeedReport.Row.of(new SpeedReport.Way("slow", 4, () -> {}), List.of(4.0));
    SpeedReport report = new SpeedReport("things", "images", 2, 0.1, 0.2, List.of(fast, slow));

    assertThat(report.table())
        .contains(
            "things, 2 threads; load 0.1 to 0.2",
            "fast                                      2.000     2.000     1.000     3.000      2.00",
            "slow                                      1.000     4.000     4.000     4.000      1.00");
  }

  @Test
  void theTableOfALoadSaysWhatWasCopied() {
    LoadPart.Report report =
        new LoadPart.Report(
            28,
            4_180_000_000L,
            0.05,
            1.5,
            OptionalLong.of(12_000_000),
            OptionalLong.empty(),
            0.1,
            0.2);

    assertThat(report.table())
        .contains(
            "a DiT of 28 blocks in bf16, 4.2 GB, just written; load 0.1 to 0.2",
            "loaded after              0.050 s",
            "copied into memory          12 MB",
            "mapped from the file            -");
  }

  @Test
  void theTableOfAStartHasALinePerRun() {
    StartupPart.Report report =
        new StartupPart.Report(0.1, 0.2, 24, List.of(new StartupPart.Times(1.5, 2.25, 3)));

    assertThat(report.table()).contains("run 1                           1.50      2.25      3.00");
  }
}
