package dev.anima.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.cli.Console;
import dev.anima.cli.Main;
import dev.anima.cli.doctor.Report.Cuda;
import dev.anima.cli.doctor.Report.Disk;
import dev.anima.cli.doctor.Report.Jdk;
import dev.anima.cli.doctor.Report.Libtorch;
import dev.anima.cli.doctor.Report.Machine;
import dev.anima.cli.doctor.Report.Memory;
import dev.anima.cli.doctor.Report.Model;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class DoctorTest {
  private static final long GB = 1_000_000_000L;

  private static Model model(ModelRole kind) {
    return new Model(kind.title(), kind.flag(), "/m/" + kind.usualFile(), 4 * GB, "BF16", "", true);
  }

  /// A machine on which all is well, but for what the arguments say.
  private static Report report(
      String build,
      String error,
      List<String> devices,
      Cuda cuda,
      List<Model> models,
      long memory) {
    return new Report(
        "0.1.0",
        new Machine("Linux 6", "amd64", "a processor", 2),
        new Jdk("25", "vendor", "/jdk", GB),
        new Libtorch("2.13.0", build, "mkl_rt", "AVX512", 2, error),
        devices,
        List.of(),
        new Memory(memory, memory),
        List.of(new Disk("working folder", "/work", 50 * GB)),
        models,
        cuda,
        List.of());
  }

  private static final List<Model> ALL_MODELS =
      List.of(model(ModelRole.DIT), model(ModelRole.TEXT_ENCODER), model(ModelRole.VAE));
  private static final Cuda NO_CUDA = new Cuda(false, Map.of(), List.of("cudart"));

  @Test
  void saysNothingWhenAllIsWell() {
    Report report = report("CPU", "", List.of("cpu"), NO_CUDA, ALL_MODELS, 32 * GB);
    assertThat(Advice.on(report)).isEmpty();
    assertThat(ReportText.of(report)).contains("Nothing is missing.");
  }

  @Test
  void namesTheModelsThatAreMissing() {
    Report report =
        report("CPU", "", List.of("cpu"), NO_CUDA, List.of(model(ModelRole.VAE)), 32 * GB);
    assertThat(Advice.on(report)).hasSize(1);
    assertThat(Advice.on(report).getFirst())
        .contains("anima-base-v1.0.safetensors", "--qwen3")
        .doesNotContain("qwen_image_vae");
  }

  @Test
  void tellsHowToUseTheCard() {
    Cuda driver = new Cuda(true, Map.of(), List.of());
    assertThat(Advice.on(report("CPU", "", List.of("cpu"), driver, ALL_MODELS, 32 * GB)))
        .singleElement()
        .asString()
        .contains("ANIMA_GPU=1");
    assertThat(Advice.on(report("CUDA", "", List.of("cuda:0", "cpu"), driver, ALL_MODELS, 32 * GB)))
        .isEmpty();
    assertThat(Advice.on(report("CUDA", "", List.of("cpu"), driver, ALL_MODELS, 32 * GB)))
        .singleElement()
        .asString()
        .contains("580");
  }

  @Test
  void tellsWhichCudaLibrariesAreMissing() {
    Cuda cuda = new Cuda(true, Map.of(), List.of("cudnn"));
    assertThat(Advice.on(report("CUDA", "no libcudnn.so.9", List.of(), cuda, ALL_MODELS, 32 * GB)))
        .satisfiesExactly(
            first -> assertThat(first).contains("could not be loaded: no libcudnn.so.9"),
            second -> assertThat(second).contains("missing (cudnn)", "ANIMA_CUDA", "ANIMA_GPU=0"));
  }

  @Test
  void warnsOfTooLittleMemory() {
    assertThat(Advice.on(report("CPU", "", List.of("cpu"), NO_CUDA, ALL_MODELS, 4 * GB)))
        .singleElement()
        .asString()
        .contains("only 4.0 GB of memory");
  }

  @Test
  void printsJsonThatScriptsCanRead() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();

    int exitCode =
        Main.run(
            List.of("doctor", "--json"),
            Console.of(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8)));

    assertThat(exitCode).isZero();
    assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    JsonNode json = JsonMapper.shared().readTree(out.toString(StandardCharsets.UTF_8));
    assertThat(json.at("/libtorch/version").stringValue()).startsWith("2.");
    assertThat(json.at("/libtorch/error").stringValue()).isEmpty();
    assertThat(json.at("/libtorch/threads").intValue()).isPositive();
    assertThat(json.at("/machine/cores").intValue()).isPositive();
    assertThat(json.at("/memory/totalBytes").longValue()).isGreaterThan(1 << 28);
    assertThat(json.at("/jdk/version").stringValue()).isEqualTo(System.getProperty("java.version"));
    assertThat(json.at("/devices").valueStream().map(JsonNode::stringValue)).contains("cpu");
    assertThat(json.at("/disks/0/freeBytes").longValue()).isPositive();
    assertThat(json.at("/models").isArray()).isTrue();
    assertThat(json.at("/cuda/missing").isArray()).isTrue();
    assertThat(json.at("/advice").isArray()).isTrue();
  }
}
