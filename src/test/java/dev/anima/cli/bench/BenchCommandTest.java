package dev.anima.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.cli.Console;
import dev.anima.cli.Main;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BenchCommandTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int anima(String... words) {
    return Main.run(
        List.of(words),
        Console.of(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8)));
  }

  @Test
  void measuresEveryWayAskedFor() {
    int exitCode =
        anima(
            "bench",
            "--device=cpu",
            "--blocks=1",
            "--pixels=32",
            "--rank=2",
            "--warmup=0",
            "--steps=2",
            "--policy=units_13,input_only",
            "--swap=1",
            "--json");

    assertThat(exitCode).isZero();
    JsonNode report = JsonMapper.shared().readTree(out.toString(StandardCharsets.UTF_8));
    assertThat(report.get("peak_tflops").doubleValue()).isPositive();
    assertThat(report.get("ways"))
        .extracting(way -> way.get("way").stringValue())
        .containsExactly(
            "autograd, recompute",
            "autograd",
            "explicit units_13",
            "explicit units_13, 1 swapped",
            "explicit input_only",
            "explicit input_only, 1 swapped");
    for (JsonNode way : report.get("ways")) {
      assertThat(way.get("min").doubleValue()).isPositive();
      assertThat(way.get("median").doubleValue())
          .isBetween(way.get("min").doubleValue(), way.get("max").doubleValue());
      assertThat(way.get("share_of_peak").doubleValue()).isBetween(0.0, 1.0);
      if (way.has("outside")) { // steps of a few milliseconds may end between two looks
        assertThat(way.get("outside").doubleValue()).isBetween(0.0, 1.0);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "--policy=units13, 'expected one of everything, units_13'",
    "--pixels=100, multiple of 16",
    "--text_tokens=513, 1 to 512",
    "--steps=0, 1 or more",
    "--swap=5, '0 to 4, the number of blocks'",
    "--dtype=int8, 'fp32, bf16 or fp16'"
  })
  void namesWhatIsWrong(String option, String expected) {
    assertThat(anima("bench", "--device=cpu", option)).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains(option, expected);
  }

  @Test
  void theTableHasALinePerWay() {
    BenchReport report =
        new BenchReport(
            4,
            1024,
            1,
            16,
            128,
            "bf16",
            "cpu",
            2,
            700_000_000,
            6.1,
            0.85,
            0.1,
            2.1,
            List.of(
                new BenchReport.Row(
                    "autograd",
                    20,
                    19,
                    21,
                    0.36,
                    OptionalLong.of(2_000_000_000),
                    OptionalDouble.of(0.0213)),
                new BenchReport.Row(
                    "explicit units_13",
                    10,
                    9.5,
                    11,
                    0.72,
                    OptionalLong.empty(),
                    OptionalDouble.empty())));

    assertThat(report.table())
        .contains(
            "4 blocks, 1024 x 1024 pixels, batch 1, rank 16, 128 text tokens, bf16 on cpu, 2 threads",
            "autograd                      20.000    19.000    21.000      36%      1.00     2.0 GB     2.1%",
            "explicit units_13             10.000     9.500    11.000      72%      0.50          -        -");
  }
}
