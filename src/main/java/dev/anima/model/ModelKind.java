package dev.anima.model;

import dev.anima.io.SafetensorsFile;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// What a model file seems to hold, judged by its tensor names; for messages such as "this is a
/// VAE, not a DiT".
public enum ModelKind {
  LORA("a LoRA"),
  QUANTISED("a quantised model (fp8, int8 or 4 bit); training needs the fp32, fp16 or bf16 file"),
  ALL_IN_ONE(
      "an all-in-one file (DiT together with VAE or text encoder); the separate files are needed"),
  ANIMA_DIT("an Anima DiT"),
  COSMOS_DIT("a Cosmos-Predict2 DiT without Anima's LLM adapter"),
  QWEN3("a Qwen3 text encoder"),
  QWEN_IMAGE_VAE("a Qwen-Image VAE"),
  OTHER_VAE("a VAE of another model family (SD, SDXL or FLUX)"),
  STABLE_DIFFUSION("a Stable Diffusion checkpoint"),
  FLUX("a FLUX model"),
  T5("a T5 text encoder (Anima needs none: it uses T5's tokenizer only)"),
  CLIP("a CLIP text encoder"),
  UNKNOWN("a model of unknown kind");

  private static final Pattern LORA_NAMES =
      Pattern.compile(
          ".*\\.(lora_down|lora_up|lora_A|lora_B|hada_w[12]_[ab]|lokr_w[12](_[ab])?)(\\..*)?");
  private static final Pattern QUANTISED_NAMES =
      Pattern.compile(
          ".*(weight_scale|scale_weight|scale_input|input_scale|scaled_fp8|comfy_quant|absmax"
              + "|quant_map|quant_state.*|qweight|qzeros)");
  private static final List<String> QUANTISED_DTYPES = List.of("F8_E4M3", "F8_E5M2", "I8", "U8");

  private final String description;

  ModelKind(String description) {
    this.description = description;
  }

  /// With an article, to stand after "this is".
  public String description() {
    return description;
  }

  /// What `files`, the parts of one model, seem to hold together.
  public static ModelKind of(List<SafetensorsFile> files) {
    Map<String, String> dtypes = new LinkedHashMap<>();
    for (SafetensorsFile file : files) {
      file.entries().forEach((name, entry) -> dtypes.put(name, entry.dtype()));
    }
    return guess(dtypes);
  }

  /// The likely kind.
  ///
  /// @param dtypes tensor names (with whatever prefix) and their safetensors dtypes
  private static ModelKind guess(Map<String, String> dtypes) {
    Collection<String> names = dtypes.keySet();
    if (any(names, name -> LORA_NAMES.matcher(name).matches())) {
      return LORA;
    }
    if (any(names, name -> QUANTISED_NAMES.matcher(name).matches())
        || dtypes.entrySet().stream()
            .anyMatch(
                e -> e.getKey().endsWith("weight") && QUANTISED_DTYPES.contains(e.getValue()))) {
      return QUANTISED;
    }
    boolean dit = endsWith(names, "x_embedder.proj.1.weight");
    boolean qwen3 =
        endsWith(names, "embed_tokens.weight")
            && endsWith(names, "layers.0.self_attn.q_norm.weight");
    boolean vae =
        endsWith(names, "encoder.conv1.weight", "decoder.conv1.weight")
            || endsWith(names, "encoder.down_blocks.0.norm1.gamma")
            || endsWith(names, "decoder.up_blocks.0.resnets.0.norm1.gamma");
    if (dit && (qwen3 || vae)) {
      return ALL_IN_ONE;
    }
    if (dit) {
      return any(names, name -> name.contains("llm_adapter.")) ? ANIMA_DIT : COSMOS_DIT;
    }
    if (any(names, name -> name.contains("double_blocks.0."))) {
      return FLUX;
    }
    if (any(names, name -> name.contains("input_blocks.0."))
        || endsWith(names, "down_blocks.0.resnets.0.time_emb_proj.weight")) {
      return STABLE_DIFFUSION;
    }
    if (qwen3) {
      return QWEN3;
    }
    if (vae) {
      return QWEN_IMAGE_VAE;
    }
    if (endsWith(names, "decoder.mid.block_1.norm1.weight")
        || endsWith(names, "decoder.up_blocks.0.resnets.0.norm1.weight")) {
      return OTHER_VAE;
    }
    if (endsWith(names, "encoder.block.0.layer.0.SelfAttention.q.weight")) {
      return T5;
    }
    return any(names, name -> name.contains("text_model.encoder.layers.0.")) ? CLIP : UNKNOWN;
  }

  private static boolean any(Collection<String> names, Predicate<String> test) {
    return names.stream().anyMatch(test);
  }

  private static boolean endsWith(Collection<String> names, String... suffixes) {
    return any(names, name -> List.of(suffixes).stream().anyMatch(name::endsWith));
  }
}
