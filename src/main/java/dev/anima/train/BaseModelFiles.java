package dev.anima.train;

import dev.anima.config.ModelFiles;
import dev.anima.engine.Dtype;
import dev.anima.io.FileHashes;
import dev.anima.model.text.Qwen3Config;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// What the metadata says of the base model's files: names and hashes, no folders.
final class BaseModelFiles {
  private BaseModelFiles() {}

  /// `ss_sd_model_name`, `ss_vae_name` and their hashes. Reads both files whole: seconds for the
  /// real ones, so it is done beside other work.
  static Map<String, String> metadata(ModelFiles models) {
    Map<String, String> map = new LinkedHashMap<>();
    describe(map, "sd_model", models.dit());
    describe(map, "vae", models.vae());
    return map;
  }

  private static void describe(Map<String, String> map, String key, Path file) {
    map.put("ss_" + key + "_name", String.valueOf(file.getFileName()));
    map.put("ss_" + key + "_hash", FileHashes.modelHash(file));
    map.put("ss_new_" + key + "_hash", FileHashes.sha256(file));
  }

  /// Identifies the text encoder in cache files: name, size and precision. Cheap to compute.
  static String textEncoderIdentity(Path qwen3, Dtype dtype) {
    Path file = Qwen3Config.weightsFile(qwen3);
    try {
      return file.getFileName() + ":" + Files.size(file) + ":" + dtype;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
