package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecipesTest {
  @TempDir Path folder;

  private String lora(Map<String, String> metadata) {
    Path file = folder.resolve("old.safetensors");
    SafetensorsWriter.write(
        file,
        List.of(new TensorData("a", "F32", List.of(1L), MemorySegment.ofArray(new byte[4]))),
        metadata);
    return "--like=" + file;
  }

  private Flags flags(String... words) {
    return FlagsReader.read(List.of(words), folder).flags();
  }

  @Test
  void theManifestBringsTheFlagsBackWithoutPathsAndSecrets() {
    Flags trained =
        flags(
            "--pretrained_model_name_or_path=C:\\models\\anima.safetensors",
            "--dataset_config=/home/nami/nami.toml",
            "--network_weights=old/nami.safetensors",
            "--sample_prompts=prompts.txt",
            "--wandb_api_key=hunter2",
            "--output_dir=/home/nami/out",
            "--network_dim=8",
            "--network_args",
            "rank_dropout=0.1",
            "exclude_patterns=['.*mlp\\..*']",
            "--learning_rate=3e-4",
            "--shuffle_caption",
            "--lr_warmup_steps=5%",
            "--optimizer_args",
            "betas=0.9,0.99");
    String manifest = Recipes.manifest(trained);
    assertThat(manifest).doesNotContain("nami", "anima.safetensors", "hunter2", "prompts.txt");

    FlagsReader.Command command =
        FlagsReader.read(
            List.of(lora(Map.of(Recipes.KEY, manifest)), "--learning_rate=1e-4"), folder);

    Flags again = command.flags();
    assertThat(again.integer("network_dim")).isEqualTo(8);
    assertThat(again.texts("network_args"))
        .containsExactly("rank_dropout=0.1", "exclude_patterns=['.*mlp\\..*']");
    assertThat(again.number("learning_rate")).isEqualTo(1e-4);
    assertThat(again.on("shuffle_caption")).isTrue();
    assertThat(again.pythonText("lr_warmup_steps"))
        .isEqualTo(trained.pythonText("lr_warmup_steps"));
    assertThat(again.texts("optimizer_args")).containsExactly("betas=0.9,0.99");
    assertThat(command.warnings())
        .singleElement()
        .asString()
        .contains(
            "trained with --dataset_config, --network_weights, --sample_prompts too",
            "give your own");
  }

  @Test
  void theReferencesMetadataServesToo() {
    Flags again =
        flags(
            lora(
                Map.ofEntries(
                    Map.entry("ss_network_dim", "16"),
                    Map.entry("ss_network_alpha", "8.0"),
                    Map.entry("ss_learning_rate", "0.0001"),
                    Map.entry("ss_unet_lr", "None"),
                    Map.entry("ss_seed", "42"),
                    Map.entry("ss_gradient_checkpointing", "True"),
                    Map.entry("ss_full_fp16", "False"),
                    Map.entry("ss_max_train_steps", "1200"),
                    Map.entry("ss_output_name", "somebody"),
                    Map.entry("ss_network_args", "{\"rank_dropout\": \"0.1\"}"),
                    Map.entry(
                        "ss_optimizer",
                        "bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.1,betas=(0.9, 0.99))"))));

    assertThat(again.integer("network_dim")).isEqualTo(16);
    assertThat(again.number("network_alpha")).isEqualTo(8);
    assertThat(again.isSet("unet_lr")).isFalse();
    assertThat(again.on("gradient_checkpointing")).isTrue();
    assertThat(again.on("full_fp16")).isFalse();
    assertThat(again.integer("max_train_steps")).isEqualTo(1200);
    assertThat(again.text("output_name")).isEmpty();
    assertThat(again.texts("network_args")).containsExactly("rank_dropout=0.1");
    assertThat(again.text("optimizer_type")).contains("AdamW8bit");
    assertThat(again.texts("optimizer_args"))
        .containsExactly("weight_decay=0.1", "betas=(0.9, 0.99)");
  }

  @Test
  void aFileWithoutARecipe() {
    assertThatThrownBy(() -> flags(lora(Map.of())))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not tell how it was trained");
    assertThatThrownBy(() -> flags("--preset=style", "--like=x"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--preset and --like both bring a recipe");
  }
}
