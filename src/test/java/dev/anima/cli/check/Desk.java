package dev.anima.cli.check;

import dev.anima.Golden;
import dev.anima.cli.Console;
import dev.anima.io.InputException;
import dev.anima.io.Pixels;
import dev.anima.io.PngWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// A working directory with tiny models, in which `anima check` is run.
final class Desk {
  /// What a run needs beside its images.
  static final List<String> MODELS =
      List.of(
          "--pretrained_model_name_or_path=models/dit.safetensors",
          "--qwen3=models/qwen3.safetensors",
          "--vae=models/vae.safetensors",
          "--output_dir=out",
          "--output_name=lora",
          "--learning_rate=1e-4");

  /// What `--measure` finds here.
  static final double FLOPS_PER_SECOND = 1e10;

  final Path dir;

  /// @param dir empty
  Desk(Path dir) {
    this.dir = dir;
    for (String model : List.of("dit", "qwen3", "vae")) {
      copy(Golden.path("tiny/" + model + ".safetensors"), "models/" + model + ".safetensors");
    }
  }

  /// How a command ended.
  record Outcome(int exitCode, String out, String err) {
    JsonNode json() {
      return JsonMapper.shared().readTree(out);
    }

    List<String> errors() {
      return json().get("errors").valueStream().map(JsonNode::stringValue).toList();
    }

    List<String> warnings() {
      return json().get("warnings").valueStream().map(w -> w.get("message").stringValue()).toList();
    }

    JsonNode flag(String name) {
      return json()
          .get("flags")
          .valueStream()
          .filter(flag -> flag.get("flag").stringValue().equals("--" + name))
          .findFirst()
          .orElseThrow();
    }
  }

  Outcome check(List<String> words) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        Console.of(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    int exitCode;
    try {
      exitCode =
          new CheckCommand(dir, (_, _) -> OptionalDouble.of(FLOPS_PER_SECOND)).run(words, console);
    } catch (InputException e) { // as the program's entry does
      console.report(String.valueOf(e.getMessage()));
      exitCode = 2;
    }
    return new Outcome(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /// With the tiny models.
  Outcome checkRun(String... words) {
    return check(Stream.concat(MODELS.stream(), Arrays.stream(words)).toList());
  }

  Outcome checkJson(String... words) {
    List<String> all = new ArrayList<>(MODELS);
    all.addAll(List.of(words));
    all.add("--json");
    return check(all);
  }

  Path path(String relative) {
    Path path = dir.resolve(relative);
    try {
      Files.createDirectories(path.getParent());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return path;
  }

  void copy(Path from, String to) {
    bytes(to, read(from));
  }

  static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void bytes(String relative, byte[] content) {
    try {
      Files.write(path(relative), content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void text(String relative, String content) {
    bytes(relative, content.getBytes(StandardCharsets.UTF_8));
  }

  void append(String relative, String content) {
    text(relative, new String(read(dir.resolve(relative)), StandardCharsets.UTF_8) + content);
  }

  void picture(String relative, int width, int height) {
    Pixels pixels = Pixels.blank(width, height, 3);
    // no two pictures are the same file
    byte[] name = relative.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(name, 0, pixels.data(), 0, Math.min(name.length, pixels.data().length));
    bytes(relative, PngWriter.encode(pixels));
  }

  /// `count` pictures of 64x64 with captions.
  void folder(String folder, int count) {
    for (int i = 0; i < count; i++) {
      picture(folder + "/image%03d.png".formatted(i), 64, 64);
      text(folder + "/image%03d.txt".formatted(i), "1girl, tag %d".formatted(i));
    }
  }

  /// A dataset configuration of batch size 1 at 64 pixels over these folders.
  void config(String... folders) {
    StringBuilder toml =
        new StringBuilder(
            "[[datasets]]\nresolution = 64\nenable_bucket = true\nmin_bucket_reso = 32\n");
    toml.append("caption_extension = '.txt'\n");
    for (String folder : folders) {
      String[] parts = folder.split("\\*");
      toml.append("[[datasets.subsets]]\nimage_dir = '").append(parts[0]).append("'\n");
      toml.append("num_repeats = ").append(parts.length > 1 ? parts[1] : "1").append('\n');
    }
    text("data.toml", toml.toString());
  }
}
