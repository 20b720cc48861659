package dev.anima.lora;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Names of LoRA tensors as the different programs write them (spec/models.md §5.6), and what they
/// mean.
///
/// Names are understood by looking them up among the spellings of all known layers, never by
/// replacing text: `adaln_modulation_self_attn_1` cannot be taken apart otherwise.
public final class LoraKeys {
  private static final String COMFYUI_DIT = "diffusion_model.";
  private static final String COMFYUI_TEXT_ENCODER = "text_encoders.qwen3_06b.transformer.model.";

  private static final List<String> DIT_PREFIXES =
      List.of("", COMFYUI_DIT, "model.diffusion_model.", "net.");
  private static final List<String> DIFFUSERS_PREFIXES = List.of("", "transformer.");
  private static final List<String> TEXT_ENCODER_PREFIXES =
      List.of(
          "", COMFYUI_TEXT_ENCODER, "text_encoders.transformer.model.", "text_encoder.", "model.");

  private static final Pattern SUFFIX =
      Pattern.compile(
          "(?:base_model\\.model\\.)?(?<layer>.+?)\\.(?:"
              + "(?<down>lora_down|lora_A|lora\\.down)(?:\\.default)?\\.weight"
              + "|(?<up>lora_up|lora_B|lora\\.up)(?:\\.default)?\\.weight"
              + "|(?<dora>dora_scale|lora_magnitude_vector(?:\\.default)?(?:\\.weight)?)"
              + "|(?<other>alpha|hada_w[12]_[ab]|lokr_w[12](?:_[ab])?))");

  /// Original DiT path to diffusers' path, by regular expression; at most one of them matches a
  /// path.
  private static final Map<Pattern, String> DIFFUSERS_PATHS =
      Map.ofEntries(
          diffusers("x_embedder\\.proj\\.1", "patch_embed.proj"),
          diffusers("t_embedder\\.1\\.(.*)", "time_embed.t_embedder.$1"),
          diffusers("final_layer\\.linear", "proj_out"),
          diffusers("final_layer\\.adaln_modulation\\.(.)", "norm_out.linear_$1"),
          diffusers("llm_adapter\\.(.*)", "text_conditioner.$1"),
          block("adaln_modulation_self_attn\\.(.)", "norm1.linear_$2"),
          block("adaln_modulation_cross_attn\\.(.)", "norm2.linear_$2"),
          block("adaln_modulation_mlp\\.(.)", "norm3.linear_$2"),
          block("self_attn\\.([qkv])_proj", "attn1.to_$2"),
          block("self_attn\\.output_proj", "attn1.to_out.0"),
          block("cross_attn\\.([qkv])_proj", "attn2.to_$2"),
          block("cross_attn\\.output_proj", "attn2.to_out.0"),
          block("mlp\\.layer1", "ff.net.0.proj"),
          block("mlp\\.layer2", "ff.net.2"));

  /// How a program spells its keys.
  public enum Style {
    /// `lora_unet_blocks_0_mlp_layer1.lora_down.weight`
    SD_SCRIPTS,
    /// `diffusion_model.blocks.0.mlp.layer1.lora_A.weight`
    COMFYUI
  }

  /// @param path dotted, as in [LinearModule]
  public record LoraKey(Network network, String path, LoraPart part) {

    public String name(Style style) {
      return switch (style) {
        case SD_SCRIPTS -> network.loraName(path) + "." + part.suffix();
        case COMFYUI ->
            (network == Network.DIT ? COMFYUI_DIT : COMFYUI_TEXT_ENCODER)
                + path
                + "."
                + part.comfyuiSuffix();
      };
    }
  }

  private record Layer(Network network, String path) {}

  private final Map<String, Layer> layers = new HashMap<>();

  private LoraKeys(Collection<String> ditPaths, Collection<String> textEncoderPaths) {
    for (String path : ditPaths) {
      Layer layer = new Layer(Network.DIT, path);
      layers.put(Network.DIT.loraName(path), layer);
      DIT_PREFIXES.forEach(prefix -> layers.put(prefix + path, layer));
      layers.put(COMFYUI_DIT + misspelt(path), layer);
      String diffusers = diffusersPath(path);
      DIFFUSERS_PREFIXES.forEach(prefix -> layers.put(prefix + diffusers, layer));
    }
    for (String path : textEncoderPaths) {
      Layer layer = new Layer(Network.TEXT_ENCODER, path);
      layers.put(Network.TEXT_ENCODER.loraName(path), layer);
      TEXT_ENCODER_PREFIXES.forEach(prefix -> layers.put(prefix + path, layer));
    }
  }

  /// Keys of LoRAs for these models.
  public static LoraKeys of(LoraPlan.Layers layers) {
    return new LoraKeys(
        layers.dit().stream().map(LinearModule::path).toList(),
        layers.textEncoder().stream().map(LinearModule::path).toList());
  }

  /// Keys of LoRAs for any Anima model up to generous depths, where no model is at hand.
  public static LoraKeys ofAnyModel() {
    return new LoraKeys(LinearModules.ditPaths(96, 24), LinearModules.textEncoderPaths(96));
  }

  /// What the tensor `name` is; empty if no program would call a part of a LoRA so.
  public Optional<LoraKey> parse(String name) {
    Matcher matcher = SUFFIX.matcher(name);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    LoraPart part = part(matcher);
    return Optional.ofNullable(layers.get(matcher.group("layer")))
        .map(layer -> new LoraKey(layer.network(), layer.path(), part));
  }

  private static LoraPart part(Matcher matcher) {
    if (matcher.group("down") != null) {
      return LoraPart.DOWN;
    }
    if (matcher.group("up") != null) {
      return LoraPart.UP;
    }
    if (matcher.group("dora") != null) {
      return LoraPart.MAGNITUDE;
    }
    return LoraPart.ofSuffix(matcher.group("other")).orElseThrow();
  }

  /// As the reference's converter wrongly spells three kinds of layers in its ComfyUI files.
  private static String misspelt(String path) {
    return path.replace("t_embedder", "t.embedder")
        .replace("adaln_modulation_self_attn", "adaln_modulation.self_attn")
        .replace("adaln_modulation_cross_attn", "adaln_modulation.cross_attn");
  }

  private static String diffusersPath(String path) {
    for (Map.Entry<Pattern, String> rule : DIFFUSERS_PATHS.entrySet()) {
      Matcher matcher = rule.getKey().matcher(path);
      if (matcher.matches()) {
        return matcher.replaceFirst(rule.getValue());
      }
    }
    return path;
  }

  private static Map.Entry<Pattern, String> diffusers(String original, String diffusers) {
    return Map.entry(Pattern.compile(original), diffusers);
  }

  private static Map.Entry<Pattern, String> block(String original, String diffusers) {
    return diffusers("blocks\\.(\\d+)\\." + original, "transformer_blocks.$1." + diffusers);
  }
}
