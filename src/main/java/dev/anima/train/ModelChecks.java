package dev.anima.train;

import dev.anima.config.ModelFiles;
import dev.anima.io.InputException;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.Qwen3Config;
import dev.anima.model.vae.QwenImageVae;
import java.nio.file.Path;
import java.util.function.Consumer;

/// Whether each model file is what its flag says, by its header alone.
final class ModelChecks {
  private ModelChecks() {}

  /// @throws InputException if one is missing, damaged or something else
  static void run(ModelFiles models) {
    attempt("pretrained_model_name_or_path", models.dit(), DitConfig::read);
    attempt("qwen3", models.qwen3(), Qwen3Config::read);
    attempt("vae", models.vae(), QwenImageVae::check);
  }

  private static void attempt(String flag, Path file, Consumer<Path> reader) {
    try {
      reader.accept(file);
    } catch (InputException e) {
      throw new InputException("--" + flag + ": " + e.getMessage(), e);
    }
  }
}
