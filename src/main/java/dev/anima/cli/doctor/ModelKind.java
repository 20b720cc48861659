package dev.anima.cli.doctor;

import dev.anima.io.SafetensorsFile;
import dev.anima.io.SafetensorsFile.Entry;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What a safetensors file holds, told by the names and shapes in its header.
enum ModelKind {
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

  ModelKind(String title, String flag, String usualFile) {
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

  static ModelKind of(SafetensorsFile file) {
    Set<String> names = file.names();
    if (names.stream().anyMatch(ModelKind::isLoraKey)) {
      return LORA;
    }
    if (ending(file, "llm_adapter.blocks.0.cross_attn.q_proj.weight") != null
        && ending(file, "x_embedder.proj.1.weight") != null) {
      return DIT;
    }
    if (ending(file, "layers.0.self_attn.q_norm.weight") != null
        && ending(file, "embed_tokens.weight") != null) {
      return TEXT_ENCODER;
    }
    // Wan's VAE has the same names; 2-D VAEs (SD, Flux) have four-dimensional kernels.
    Entry decoderInput = file.entries().get("decoder.conv1.weight");
    if (decoderInput == null) {
      decoderInput = file.entries().get("decoder.conv_in.weight");
    }
    return decoderInput != null && decoderInput.shape().size() == 5 ? VAE : OTHER;
  }

  private static boolean isLoraKey(String name) {
    return name.startsWith("lora_unet_")
        || name.startsWith("lora_te")
        || name.contains(".lora_down.")
        || name.contains(".lora_A.");
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
        .map(name ->
            name.replaceFirst(
                "^(model\\.diffusion_model\\.|diffusion_model\\.|model\\.|net\\.)+", ""))
        .filter(name -> name.startsWith(prefix))
        .map(name -> name.substring(prefix.length()).split("\\.", 2)[0])
        .distinct()
        .count();
  }
}
