package dev.anima;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The tiny golden models and the recorded runs' images in a folder of their own, and the flags
/// that name them.
public final class TinyFiles {
  private TinyFiles() {}

  /// `models/`, `dataset/`, `article.toml`, `plain.toml` and `prompts.txt`.
  public static void lay(Path folder) throws IOException {
    Golden.copyFolder(Golden.path("training/e2e/dataset"), folder.resolve("dataset"));
    Golden.copyFolder(Golden.path("tiny"), folder.resolve("models"));
    for (String file : List.of("article.toml", "plain.toml", "prompts.txt")) {
      Files.copy(Golden.path("training/e2e/" + file), folder.resolve(file));
    }
  }

  /// `anima train` on these files from anywhere: a LoRA for the DiT, called `nami`.
  ///
  /// @param output folder for the run's files, within `folder`
  /// @param more flags; the last one of a name counts
  public static List<String> train(Path folder, String output, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "train",
                "--pretrained_model_name_or_path=" + folder.resolve("models/dit.safetensors"),
                "--qwen3=" + folder.resolve("models/qwen3.safetensors"),
                "--vae=" + folder.resolve("models/vae.safetensors"),
                "--dataset_config=" + folder.resolve("plain.toml"),
                "--output_dir=" + folder.resolve(output),
                "--output_name=nami",
                "--network_module=networks.lora_anima",
                "--network_train_unet_only",
                "--qwen3_max_token_length=96",
                "--t5_max_token_length=64",
                "--learning_rate=1e-3",
                "--device=cpu",
                "--seed=1"));
    words.addAll(List.of(more));
    return words;
  }
}
