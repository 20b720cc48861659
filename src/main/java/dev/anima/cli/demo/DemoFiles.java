package dev.anima.cli.demo;

import dev.anima.io.AtomicFiles;
import dev.anima.io.InputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/// The demo's model and dataset, which come with the program, laid out as a user's files would be.
///
/// @param folder `--out`
public record DemoFiles(Path folder) {
  private static final String RESOURCES = "/dev/anima/demo/";

  Path dit() {
    return folder.resolve("model").resolve("dit.safetensors");
  }

  Path qwen3() {
    return folder.resolve("model").resolve("qwen3.safetensors");
  }

  Path vae() {
    return folder.resolve("model").resolve("vae.safetensors");
  }

  Path dataset() {
    return folder.resolve("dataset").resolve("dataset.toml");
  }

  /// Folder of the tagger, as `anima tag --model` takes it.
  Path tagger() {
    return folder.resolve("tagger");
  }

  /// What the tagger says of the dataset's pictures.
  Path tags() {
    return folder.resolve("tags.jsonl");
  }

  Path loraFolder() {
    return folder.resolve("lora");
  }

  Path logs() {
    return folder.resolve("logs");
  }

  Path sheet() {
    return folder.resolve("before-and-after.png");
  }

  /// The recipe that the demo model was made for.
  public List<String> trainFlags() {
    return List.of(
        "--pretrained_model_name_or_path=" + dit(),
        "--qwen3=" + qwen3(),
        "--vae=" + vae(),
        "--dataset_config=" + dataset(),
        "--output_dir=" + loraFolder(),
        "--output_name=pimi",
        "--logging_dir=" + logs(),
        "--network_module=networks.lora_anima",
        "--network_dim=8",
        "--network_alpha=8",
        "--network_train_unet_only",
        "--optimizer_type=AdamW",
        "--optimizer_args",
        "betas=(0.9,0.99)",
        "weight_decay=0.01",
        "--learning_rate=3e-3",
        "--lr_scheduler=cosine",
        "--lr_warmup_steps=10",
        "--max_train_steps=300",
        "--cache_latents",
        "--validation_split=0.25",
        "--validation_seed=1",
        "--validate_every_n_epochs=1000",
        "--metadata_trigger_phrase=pimi",
        "--seed=42");
  }

  /// Writes the files that are not there yet.
  ///
  /// @throws InputException if the folder cannot be written to
  public void unpack() {
    for (String file : List.of("dit.safetensors", "qwen3.safetensors", "vae.safetensors")) {
      copy(file, folder.resolve("model").resolve(file));
    }
    for (String file : List.of("model.onnx", "selected_tags.csv")) {
      copy("tagger/" + file, tagger().resolve(file));
    }
    for (String file : index()) {
      copy("dataset/" + file, folder.resolve("dataset").resolve(file));
    }
  }

  /// The dataset's files by their path in its folder: folders of a class path cannot be listed.
  static List<String> index() {
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(resource("dataset/files.txt"), StandardCharsets.UTF_8))) {
      return reader.lines().filter(line -> !line.isBlank()).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void copy(String name, Path target) {
    try (InputStream in = resource(name)) {
      byte[] bytes = in.readAllBytes();
      if (Files.isRegularFile(target) && Files.size(target) == bytes.length) {
        return;
      }
      Files.createDirectories(Objects.requireNonNull(target.getParent()));
      AtomicFiles.write(target, bytes);
    } catch (IOException e) {
      throw new InputException(
          "--out: " + target + " cannot be written (" + e.getMessage() + ")", e);
    }
  }

  private static InputStream resource(String name) {
    return Objects.requireNonNull(DemoFiles.class.getResourceAsStream(RESOURCES + name), name);
  }
}
