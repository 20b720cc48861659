package dev.anima.cli.doctor;

import dev.anima.io.SafetensorsFile;
import dev.anima.io.SafetensorsFile.Entry;
import dev.anima.model.Checkpoint;
import dev.anima.model.ModelKind;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a safetensors file is good for in a training run.
enum ModelRole {
  DIT("Anima DiT", "--pretrained_model_name_or_path", "anima-base-v1.0.safetensors"),
  TEXT_ENCODER("Qwen3 text encoder", "--qwen3", "qwen_3_06b_base.safetensors"),
  VAE("Qwen-Image VAE", "--vae", "qwen_image_vae.safetensors"),
  LORA("LoRA", "--network_weights", ""),
  OTHER("another model", "", "");

  /// Hidden width of Qwen3-0.6B, the one that belongs to Anima; larger ones look the same.
  static final long ANIMA_TEXT_WIDTH = 1024;

  private final String title;
  private final String flag;
  private final String usualFile;

  ModelRole(String title, String flag, String usualFile) {
    this.title = title;
    this.flag = flag;
    this.usualFile = usualFile;
  }

  String title() {
    return title;
  }

  /// The training flag that takes such a file.
  String flag() {
    return flag;
  }

  /// Its name as it is published.
  String usualFile() {
    return usualFile;
  }

  /// The role that `dev.anima.model` would accept the file in.
  static ModelRole of(SafetensorsFile file) {
    return switch (ModelKind.of(List.of(file))) {
      case ANIMA_DIT -> DIT;
      case QWEN3 -> TEXT_ENCODER;
      case QWEN_IMAGE_VAE -> VAE;
      case LORA -> LORA;
      case QUANTISED,
          ALL_IN_ONE,
          COSMOS_DIT,
          OTHER_VAE,
          STABLE_DIFFUSION,
          FLUX,
          T5,
          CLIP,
          UNKNOWN ->
          OTHER;
    };
  }

  /// What tells one file of this kind from another, such as `28 blocks, 2048 wide`.
  String detail(SafetensorsFile file) {
    return switch (this) {
      case DIT ->
          layers(file, "blocks.")
              + " blocks, "
              + extent(file, "x_embedder.proj.1.weight", 0)
              + " wide";
      case TEXT_ENCODER ->
          layers(file, "layers.") + " layers, " + extent(file, "embed_tokens.weight", 1) + " wide";
      case LORA -> {
        long down =
            file.names().stream()
                .filter(n -> n.endsWith("lora_down.weight") || n.endsWith("lora_A.weight"))
                .count();
        yield down + " modules";
      }
      case VAE, OTHER -> file.entries().size() + " tensors";
    };
  }

  /// Extent of dimension `dim` of the tensor whose name ends in `suffix`; 0 if there is none.
  static long extent(SafetensorsFile file, String suffix, int dim) {
    Entry entry = ending(file, suffix);
    return entry == null || entry.shape().size() <= dim ? 0 : entry.shape().get(dim);
  }

  private static @Nullable Entry ending(SafetensorsFile file, String suffix) {
    for (Map.Entry<String, Entry> entry : file.entries().entrySet()) {
      String name = entry.getKey();
      if (name.endsWith(suffix)
          && (name.length() == suffix.length()
              || name.charAt(name.length() - suffix.length() - 1) == '.')) {
        return entry.getValue();
      }
    }
    return null;
  }

  /// Number of different N in names that have `PREFIX N.` at their start or after a known wrapper.
  private static long layers(SafetensorsFile file, String prefix) {
    return file.names().stream()
        .filter(name -> !name.contains("llm_adapter."))
        .map(Checkpoint::strip)
        .filter(name -> name.startsWith(prefix))
        .map(name -> name.substring(prefix.length()).split("\\.", 2)[0])
        .distinct()
        .count();
  }
}
