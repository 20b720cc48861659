package dev.anima.config;

import static dev.anima.config.Checks.atLeastOne;
import static dev.anima.config.Checks.check;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The models a run stands on. All paths exist.
///
/// @param dit the Anima DiT with its LLM adapter, a file
/// @param qwen3 a file or a Hugging Face folder
/// @param vae the Qwen-Image VAE, a file
/// @param t5Tokenizer folder of another T5 tokenizer than the built-in one
/// @param qwen3MaxTokens length that Qwen3 ids are padded and cut to
/// @param t5MaxTokens length that T5 ids are padded and cut to
public record ModelFiles(
    Path dit,
    Path qwen3,
    Path vae,
    Optional<Path> t5Tokenizer,
    int qwen3MaxTokens,
    int t5MaxTokens) {

  public ModelFiles {
    check(
        Files.isRegularFile(dit),
        "--pretrained_model_name_or_path: %s is not a file; name the .safetensors file of the DiT"
            .formatted(dit));
    check(Files.isRegularFile(vae), "--vae: %s is not a file".formatted(vae));
    atLeastOne("qwen3_max_token_length", qwen3MaxTokens);
    atLeastOne("t5_max_token_length", t5MaxTokens);
  }

  private static final Map<String, String> REQUIRED = new LinkedHashMap<>();

  static {
    REQUIRED.put("pretrained_model_name_or_path", "the Anima DiT");
    REQUIRED.put("qwen3", "the Qwen3 text encoder");
    REQUIRED.put("vae", "the Qwen-Image VAE");
  }

  static ModelFiles of(Flags flags, Path workingDir) {
    List<String> missing = new ArrayList<>();
    REQUIRED.forEach((flag, what) -> {
      String text = flags.text(flag, "");
      if (text.isEmpty()) {
        missing.add("--%s is missing: give the path of %s".formatted(flag, what));
      } else {
        Checks.absence(flag, workingDir, text).ifPresent(missing::add);
      }
    });
    check(missing.isEmpty(), String.join("\n", missing));
    return new ModelFiles(
        required(flags, workingDir, "pretrained_model_name_or_path"),
        required(flags, workingDir, "qwen3"),
        required(flags, workingDir, "vae"),
        flags
            .path("t5_tokenizer_path")
            .map(path -> Checks.existing("t5_tokenizer_path", workingDir, path.toString())),
        flags.integer("qwen3_max_token_length"),
        flags.integer("t5_max_token_length"));
  }

  private static Path required(Flags flags, Path workingDir, String flag) {
    return Checks.existing(flag, workingDir, flags.text(flag, ""));
  }
}
