package dev.anima.lora;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.lora.LoraKeys.LoraKey;
import dev.anima.lora.LoraKeys.Style;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class LoraKeysTest {
  private static final LoraKeys FULL_SIZE = LoraKeys.of(LoraPlanTest.fullSizeLayers());

  @Test
  void convertsEveryKeyAsTheReferencesConverterShould() {
    JsonNode golden = Golden.json("training/comfy_keys.json");
    JsonNode misspelt = golden.get("names_that_miss_the_module_path");
    int checked = 0;
    for (Map.Entry<String, JsonNode> entry : golden.get("keys").properties()) {
      String ours = entry.getKey();
      String comfy = entry.getValue().stringValue();
      JsonNode wrong = misspelt.get(ours.substring(0, ours.indexOf('.')));
      String right =
          wrong == null
              ? comfy
              : comfy.replace(
                  wrong.get("converted").stringValue(), wrong.get("module_path").stringValue());

      LoraKey key = FULL_SIZE.parse(ours).orElseThrow();
      assertThat(key.name(Style.SD_SCRIPTS)).isEqualTo(ours);
      assertThat(key.name(Style.COMFYUI)).isEqualTo(right);
      assertThat(FULL_SIZE.parse(right)).as(right).contains(key);
      assertThat(FULL_SIZE.parse(comfy)).as(comfy).contains(key);
      checked++;
    }
    assertThat(checked).isEqualTo((514 + 196) * 3);
  }

  @Test
  void aModellessTableKnowsTheSameKeys() {
    LoraKeys any = LoraKeys.ofAnyModel();
    for (String name : Golden.json("training/comfy_keys.json").get("keys").propertyNames()) {
      assertThat(any.parse(name)).isEqualTo(FULL_SIZE.parse(name)).isPresent();
    }
  }

  /// The spellings of spec/models.md §5.6.
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "lora_unet_blocks_3_cross_attn_k_proj.lora_down.weight, DIT, blocks.3.cross_attn.k_proj, DOWN",
    "diffusion_model.blocks.3.mlp.layer1.lora_B.weight, DIT, blocks.3.mlp.layer1, UP",
    "diffusion_model.blocks.3.mlp.layer1.lora_A.default.weight, DIT, blocks.3.mlp.layer1, DOWN",
    "base_model.model.blocks.3.mlp.layer1.lora_A.default.weight, DIT, blocks.3.mlp.layer1, DOWN",
    "net.blocks.3.mlp.layer2.lora_A.weight, DIT, blocks.3.mlp.layer2, DOWN",
    "diffusion_model.llm_adapter.blocks.5.mlp.2.lora_A.weight, DIT, llm_adapter.blocks.5.mlp.2, DOWN",
    "transformer.patch_embed.proj.lora_A.weight, DIT, x_embedder.proj.1, DOWN",
    "transformer.time_embed.t_embedder.linear_2.lora_B.weight, DIT, t_embedder.1.linear_2, UP",
    "transformer.transformer_blocks.7.norm1.linear_1.lora_A.weight, DIT, blocks.7.adaln_modulation_self_attn.1, DOWN",
    "transformer.transformer_blocks.7.norm2.linear_2.lora_A.weight, DIT, blocks.7.adaln_modulation_cross_attn.2, DOWN",
    "transformer.transformer_blocks.7.norm3.linear_1.lora_A.weight, DIT, blocks.7.adaln_modulation_mlp.1, DOWN",
    "transformer.transformer_blocks.7.attn1.to_q.lora_down.weight, DIT, blocks.7.self_attn.q_proj, DOWN",
    "transformer.transformer_blocks.7.attn1.to_out.0.lora_B.weight, DIT, blocks.7.self_attn.output_proj, UP",
    "transformer.transformer_blocks.7.attn2.to_v.lora_B.weight, DIT, blocks.7.cross_attn.v_proj, UP",
    "transformer.transformer_blocks.7.attn2.to_out.0.alpha, DIT, blocks.7.cross_attn.output_proj, ALPHA",
    "transformer.transformer_blocks.7.ff.net.0.proj.lora_A.weight, DIT, blocks.7.mlp.layer1, DOWN",
    "transformer.transformer_blocks.7.ff.net.2.lora_A.weight, DIT, blocks.7.mlp.layer2, DOWN",
    "transformer.norm_out.linear_2.lora_A.weight, DIT, final_layer.adaln_modulation.2, DOWN",
    "transformer.proj_out.lora_A.weight, DIT, final_layer.linear, DOWN",
    "text_conditioner.blocks.0.self_attn.q_proj.lora_A.weight, DIT, llm_adapter.blocks.0.self_attn.q_proj, DOWN",
    "diffusion_model.blocks.3.mlp.layer1.dora_scale, DIT, blocks.3.mlp.layer1, MAGNITUDE",
    "transformer.proj_out.lora_magnitude_vector, DIT, final_layer.linear, MAGNITUDE",
    "lora_te_layers_0_mlp_gate_proj.alpha, TEXT_ENCODER, layers.0.mlp.gate_proj, ALPHA",
    "text_encoders.qwen3_06b.transformer.model.layers.0.mlp.up_proj.lora_A.weight, TEXT_ENCODER, layers.0.mlp.up_proj, DOWN",
    "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight, TEXT_ENCODER, layers.0.mlp.up_proj, DOWN",
    "text_encoders.transformer.model.layers.0.mlp.up_proj.lora_A.weight, TEXT_ENCODER, layers.0.mlp.up_proj, DOWN",
  })
  void readsTheKeysOfOtherPrograms(String name, Network network, String path, LoraPart part) {
    assertThat(FULL_SIZE.parse(name)).contains(new LoraKey(network, path, part));
  }

  @ParameterizedTest
  @CsvSource({
    "lora_unet_blocks_28_mlp_layer1.lora_down.weight",
    "lora_unet_input_blocks_1_1_proj_in.lora_down.weight",
    "diffusion_model.blocks.3.mlp.layer1.weight",
    "blocks.3.mlp.layer1"
  })
  void knowsNoOthers(String name) {
    assertThat(FULL_SIZE.parse(name)).isEmpty();
  }
}
