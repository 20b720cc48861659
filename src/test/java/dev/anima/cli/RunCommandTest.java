package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.TinyFiles;
import dev.anima.io.SafetensorsFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// `anima run` on script files, with the tiny models.
class RunCommandTest {
  private static final String COMMON =
      "--pretrained_model_name_or_path=models/dit.safetensors --qwen3=models/qwen3.safetensors"
          + " --vae=models/vae.safetensors --output_dir=out --network_module=networks.lora_anima"
          + " --qwen3_max_token_length=32 --t5_max_token_length=32 --device=cpu --seed=3"
          + " --dataset_config=article.toml --learning_rate=1e-3 ";
  private static final String RUN = "accelerate launch anima_train_network.py " + COMMON;

  @TempDir Path folder;
  private final Screen screen = new Screen();

  @BeforeEach
  void lay() throws IOException {
    TinyFiles.lay(folder);
  }

  /// The scripts lie in the folder of their files, which is not the one the test runs in.
  private int run(String name, String text, String... options) throws IOException {
    Path file = Files.writeString(folder.resolve(name), text);
    List<String> words = new ArrayList<>(List.of("run", file.toString()));
    words.addAll(List.of(options));
    return Main.run(words, screen.console);
  }

  private List<String> written() throws IOException {
    if (!Files.isDirectory(folder.resolve("out"))) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder.resolve("out"))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.endsWith(".run")) // the records of the runs
          .sorted()
          .toList();
    }
  }

  // ---- separate processes ---------------------------------------------------------------------

  private Process process(List<String> words) throws IOException {
    return new ProcessBuilder(AnimaProcess.command(words))
        .directory(folder.toFile())
        .redirectErrorStream(true)
        .start();
  }

  private int alone(String flags) throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(List.of("train"));
    words.addAll(List.of((COMMON + flags).split(" ")));
    Process process = process(words);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).as(output).isTrue();
    return process.exitValue();
  }

  /// Tensors byte for byte, and metadata but for what tells the time.
  private static Map<String, Object> contents(Path file) {
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      Map<String, Object> contents = new TreeMap<>(opened.metadata());
      contents
          .keySet()
          .removeIf(key ->
              key.endsWith("_at") || key.equals("ss_session_id") || key.equals("modelspec.date"));
      contents.put("tensors", opened.entries().toString());
      byte[] bytes = opened.data().toArray(ValueLayout.JAVA_BYTE);
      contents.put("data", java.util.HexFormat.of().formatHex(bytes));
      return contents;
    }
  }

  /// The first two share models and latents, the third has other latents, the fourth other models.
  @Test
  void aQueueGivesTheFilesOfSeparateRuns() throws Exception {
    List<String> flags =
        List.of(
            "--output_name=a --cache_latents --max_train_steps=3",
            "--output_name=b --cache_latents --max_train_steps=2 --network_weights=out/a.safetensors --network_dropout=0.1",
            "--output_name=c --dataset_config=plain.toml --cache_latents --max_train_steps=2 --network_train_unet_only",
            "--output_name=d --mixed_precision=bf16 --base_weights out/c.safetensors --max_train_steps=2");
    StringBuilder script = new StringBuilder();
    flags.forEach(each -> script.append(RUN).append(each).append('\n'));

    assertThat(run("queue.sh", script.toString())).as(screen.err()).isZero();
    assertThat(screen.out()).contains("queue: 4 of 4 runs done");
    // Latents are encoded for the first and the third run.
    assertThat(screen.err().lines().filter(line -> line.startsWith("caching latents: 6/6")))
        .hasSize(2);

    Files.move(folder.resolve("out"), folder.resolve("queued"));
    for (String each : flags.subList(0, 2)) {
      assertThat(alone(each)).isZero();
    }
    for (String each : flags.subList(2, 4)) { // as good, and quicker: nothing is shared
      assertThat(run("one.sh", RUN + each)).isZero();
    }
    for (String name : List.of("a", "b", "c", "d")) {
      assertThat(contents(folder.resolve("out/" + name + ".safetensors")))
          .as(name)
          .isEqualTo(contents(folder.resolve("queued/" + name + ".safetensors")));
    }
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void aStopEndsTheRunCleanlyAndTheQueueWithIt() throws Exception {
    Files.writeString(
        folder.resolve("q.sh"),
        RUN + "--output_name=a --max_train_steps=100000\n" + RUN + "--output_name=b\n");
    Process process = process(List.of("run", "q.sh"));
    StringBuilder output = new StringBuilder();
    try (BufferedReader lines = process.inputReader()) {
      boolean asked = false;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        output.append(line).append('\n');
        if (!asked && line.startsWith("training: 1/")) {
          process.toHandle().destroy(); // SIGTERM, which counts as Ctrl-C
          asked = true;
        }
      }
    } finally {
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    }
    assertThat(output.toString())
        .contains("run 1 (q.sh:1): stopped by you", "run 2 (q.sh:2): not started");
    assertThat(process.exitValue()).isEqualTo(ExitCode.STOPPED);
    assertThat(written()).singleElement().asString().startsWith("a-step");
  }

  // ---- failures -------------------------------------------------------------------------------

  @Test
  void aFailingRunDoesNotStopTheNext() throws IOException {
    String script =
        RUN
            + "--output_name=a --max_train_steps=9 --learning_rate=1e30\n"
            + RUN
            + "--output_name=b --max_train_steps=1\n"
            + RUN
            + "--output_name=c --max_train_steps=1 --network_weights=out/a.safetensors\n";

    assertThat(run("queue.sh", script)).isEqualTo(1);

    assertThat(screen.out())
        .contains(
            "queue: 1 of 3 runs done",
            "run 1 (%s:1): failed".formatted(folder.resolve("queue.sh")),
            "run 3 (%s:3): not started: its --network_weights was to be made by run 1"
                .formatted(folder.resolve("queue.sh")));
    assertThat(screen.err()).doesNotContain("\tat ");
    assertThat(written()).containsExactly("b.safetensors");
  }

  @Test
  void aFailingRunStopsTheQueueWhenAsked() throws IOException {
    String script =
        RUN
            + "--output_name=a --max_train_steps=9 --learning_rate=1e30\n"
            + RUN
            + "--output_name=b --max_train_steps=1\n";

    assertThat(run("queue.sh", script, "--stop_on_failure")).isEqualTo(1);

    assertThat(screen.out()).contains("not started: run 1 did not succeed");
    assertThat(written()).isEmpty();
  }

  @Test
  void whatIsWrongWithARunIsToldBeforeTheFirstStarts() throws IOException {
    String script =
        RUN
            + "--output_name=a --max_train_steps=1\n"
            + RUN
            + "--output_name=b --vae=nowhere.safetensors --max_train_steps=1\n";

    assertThat(run("queue.sh", script)).isEqualTo(2);
    assertThat(screen.err().indexOf("queue.sh:2) cannot start: --vae: nowhere"))
        .isPositive()
        .isLessThan(screen.err().indexOf("training: 1 steps"));
    assertThat(written()).containsExactly("a.safetensors");

    Files.delete(folder.resolve("out/a.safetensors"));
    assertThat(run("queue.sh", script, "--stop_on_failure")).isEqualTo(2);
    assertThat(written()).isEmpty();
  }

  // ---- what is shown --------------------------------------------------------------------------

  @Test
  void aDryRunShowsTheQueueAndWritesNothing() throws IOException {
    String script =
        """
        @echo off
        call venv\\Scripts\\activate
        set OUT=out
        pip install x
        %s ^
          --output_dir="%%OUT%%" --output_name="pan chy" ^
          --max_train_epochs=2
        %s --output_name=b --network_weights="out\\pan chy.safetensors" --max_train_steps=5 > log.txt
        pause
        """
            .formatted(RUN.strip(), RUN.strip());

    assertThat(run("panchy.bat", script, "--dry_run")).as(screen.err()).isZero();

    assertThat(screen.out())
        .contains(
            "queue: 2 runs",
            "panchy.bat:5): 6 images, 2 epochs, 18 steps -> ",
            "pan chy.safetensors made by run 1",
            "  --output_dir=out \\",
            "  '--output_name=pan chy' \\",
            "  '--network_weights=out/pan chy.safetensors' \\")
        .contains("skipped ", ":2: call venv\\Scripts\\activate (no Python is needed)")
        .contains(":4: pip install x", ":9: pause (nothing waits in a queue)");
    assertThat(screen.err())
        .contains("note: its output is not sent to a file (> log.txt)")
        .contains("dry run: nothing was trained");
    assertThat(written()).isEmpty();
  }

  @Test
  void theArticlesCommandRunsFromABatchFile() throws IOException {
    List<String> flags = new ArrayList<>();
    Golden.json("training/e2e/index.json")
        .get("runs")
        .get("article")
        .get("flags")
        .forEach(flag -> flags.add(flag.stringValue()));
    StringBuilder script =
        new StringBuilder(
            "call .\\venv\\Scripts\\activate\r\naccelerate launch --num_cpu_threads_per_process 1 anima_train_network.py");
    for (String flag : flags) {
      int equals = flag.indexOf('=');
      script
          .append(" ^\r\n ")
          .append(
              flag.startsWith("--") && equals > 0
                  ? flag.substring(0, equals + 1)
                      + '"'
                      + flag.substring(equals + 1).replace('/', '\\')
                      + '"'
                  : flag);
    }
    script.append("\r\npause\r\n");

    assertThat(run("article.bat", script.toString(), "--dry_run")).as(screen.err()).isZero();

    assertThat(screen.out())
        .contains("article.bat:2): 6 images, 2 epochs, 18 steps -> ")
        .contains("  --optimizer_args weight_decay=0.11 '", "'betas=(0.9,0.99)'");
  }

  // ---- bad input ------------------------------------------------------------------------------

  @Test
  void badFilesAreNamed() throws IOException {
    assertThat(Main.run(List.of("run", folder + "/none.bat"), screen.console)).isEqualTo(2);
    assertThat(Main.run(List.of("run", folder + "/article.toml"), screen.console)).isEqualTo(2);
    assertThat(run("v.bat", "accelerate launch sdxl_train_network.py\n")).isEqualTo(2);
    assertThat(run("u.bat", RUN + "--seed=%NO_SUCH%\n")).isEqualTo(2);
    assertThat(run("w.bat", RUN + "--vae=\"C:\\models\\vae.safetensors\"\n")).isEqualTo(2);
    assertThat(run("x.bat", RUN + "\n", "--working_dir=" + folder.resolve("none"))).isEqualTo(2);
    assertThat(Main.run(List.of("run"), screen.console)).isEqualTo(2);
    assertThat(screen.err())
        .contains(
            "none.bat does not exist",
            "article.toml: a script's name must end in .bat, .cmd, .sh or .ps1",
            "v.bat:1: sdxl_train_network.py trains an SDXL LoRA, not an Anima LoRA",
            "u.bat:1: %NO_SUCH% is not set above",
            "\"C:\\models\\vae.safetensors\" is a Windows path, but this is not Windows",
            "--working_dir: there is no folder",
            "FILE")
        .doesNotContain("\tat ", "internal error");
    assertThat(written()).isEmpty();
  }
}
