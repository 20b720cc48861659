package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.FlagReport.Effect;
import dev.anima.config.FlagReport.Entry;
import dev.anima.config.FlagReport.RunFacts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FlagReportTest {
  private static FlagReport report(String... words) {
    return FlagReport.of(
        CommandLine.parse(List.of(words)),
        Optional.empty(),
        Optional.of(new RunFacts(1200, 60, 20, 1)));
  }

  private static Entry entry(FlagReport report, String name) {
    return report.entry(name).orElseThrow();
  }

  @Test
  void adafactorHasNoScheduleUnlessItsRelativeStepsAreOff() {
    String[] flags = {
      "--optimizer_type=Adafactor", "--lr_scheduler=cosine", "--lr_warmup_steps=5%"
    };
    assertThat(entry(report(flags), "lr_scheduler").reason()).contains("relative_step");
    assertThat(entry(report(flags), "lr_warmup_steps").effect()).isEqualTo(Effect.IGNORED);
    FlagReport off =
        report(flags[0], "--optimizer_args", "relative_step=False", flags[1], flags[2]);
    assertThat(entry(off, "lr_scheduler").effect()).isEqualTo(Effect.EFFECTIVE);
  }

  @Test
  void noiseOptionsActWhenAsked() {
    String[] flags = {
      "--noise_offset=0.05", "--adaptive_noise_scale=0.1", "--multires_noise_discount=0.5"
    };
    for (Entry entry : report(flags).entries()) {
      if (entry.flag().contains("noise")) {
        assertThat(entry.effect()).as(entry.flag()).isEqualTo(Effect.IGNORED);
      }
    }
    FlagReport asked = report("--apply_noise_options", flags[0], flags[1], flags[2]);
    assertThat(entry(asked, "noise_offset").effect()).isEqualTo(Effect.EFFECTIVE);
    assertThat(entry(asked, "adaptive_noise_scale").effect()).isEqualTo(Effect.EFFECTIVE);
    assertThat(entry(asked, "multires_noise_discount").effect()).isEqualTo(Effect.IGNORED);
    assertThat(entry(asked, "apply_noise_options").effect()).isEqualTo(Effect.EFFECTIVE);
    assertThat(entry(report("--apply_noise_options"), "apply_noise_options").effect())
        .isEqualTo(Effect.IGNORED);
  }

  @Test
  void theTimestepRangeActsWhenAsked() {
    assertThat(entry(report("--max_timestep=900"), "max_timestep").reason())
        .contains("--apply_timestep_range");
    FlagReport asked = report("--apply_timestep_range", "--max_timestep=900");
    assertThat(entry(asked, "max_timestep").effect()).isEqualTo(Effect.EFFECTIVE);
    assertThat(entry(report("--apply_timestep_range"), "apply_timestep_range").effect())
        .isEqualTo(Effect.IGNORED);
    assertThat(entry(report("--bf16_rounding=kahan"), "bf16_rounding").reason())
        .contains("full_bf16");
  }

  @Test
  void theArticlesCommandIsExplained() {
    FlagReport report =
        report(
            "--network_dim=4",
            "--network_alpha=4",
            "--network_dropout=0.1",
            "--learning_rate=1e-4",
            "--optimizer_type=AdamW8bit",
            "--lr_scheduler=cosine_with_restarts",
            "--lr_scheduler_num_cycles=3",
            "--lr_scheduler_power=1",
            "--lr_warmup=5",
            "--max_train_epochs=60",
            "--save_every_n_epochs=60",
            "--gradient_checkpointing",
            "--cache_latents",
            "--max_data_loader_n_workers",
            "0",
            "--min_snr_gamma=1",
            "--multires_noise_discount=0.1",
            "--multires_noise_iterations=6",
            "--noise_offset=0.03",
            "--ip_noise_gamma=0.1",
            "--save_precision=fp16",
            "--scale_weight_norms=1",
            "--seed=0",
            "--xformers",
            "--split_attn",
            "--vae_disable_cache");
    Entry warmup = entry(report, "lr_warmup_steps");
    assertThat(warmup.effect()).isEqualTo(Effect.ABBREVIATED);
    assertThat(warmup.typed()).isEqualTo("lr_warmup");
    assertThat(warmup.value()).isEqualTo("5");
    assertThat(warmup.resolved()).isEqualTo("5 steps");
    assertThat(warmup.reason())
        .isEqualTo(
            "--lr_warmup means --lr_warmup_steps;"
                + " 5 means 5 steps (0.4 % of 1200), not 5 %; write 5% for a percentage");
    for (String name :
        List.of(
            "min_snr_gamma",
            "noise_offset",
            "multires_noise_discount",
            "multires_noise_iterations")) {
      assertThat(entry(report, name).effect()).as(name).isEqualTo(Effect.IGNORED);
      assertThat(entry(report, name).reason()).contains("flow");
    }
    for (String name :
        List.of("ip_noise_gamma", "scale_weight_norms", "lr_scheduler_num_cycles", "seed")) {
      assertThat(entry(report, name).effect()).as(name).isEqualTo(Effect.EFFECTIVE);
    }
    assertThat(entry(report, "lr_scheduler_power").effect()).isEqualTo(Effect.IGNORED);
    assertThat(entry(report, "save_every_n_epochs").reason()).contains("only the final file");
    assertThat(entry(report, "xformers").reason()).contains("built-in");
    assertThat(entry(report, "learning_rate").reason()).contains("Qwen3");
    assertThat(entry(report, "network_alpha").resolved())
        .isEqualTo("alpha 4.0, so the LoRA counts 1.0");
    assertThat(report.warnings())
        .extracting(FlagReport.Warning::code)
        .contains("text_encoder_trained", "warmup_in_steps", "no_effect")
        .doesNotContain("default_learning_rate");
    assertThat(report.warnings())
        .extracting(FlagReport.Warning::message)
        .anySatisfy(m ->
            assertThat(m)
                .startsWith(
                    "--noise_offset, --multires_noise_iterations, --multires_noise_discount have no effect"));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "--discrete_flow_shift=3|discrete_flow_shift|IGNORED|this is sigmoid",
        "--discrete_flow_shift=3 --timestep_sampling=shift|discrete_flow_shift|EFFECTIVE|",
        "--weighting_scheme=mode|weighting_scheme|IGNORED|density of --timestep_sampling sigma",
        "--logit_mean=1|logit_mean|IGNORED|needs --timestep_sampling sigma",
        "--sigmoid_scale=2 --timestep_sampling=uniform|sigmoid_scale|IGNORED|no sigmoid",
        "--max_train_steps=5 --max_train_epochs=3|max_train_steps|OVERRIDDEN|--max_train_epochs",
        "--max_train_s=5|max_train_steps|ABBREVIATED|--max_train_s means --max_train_steps",
        "--sample_every_n_steps=0|sample_every_n_steps|IGNORED|0 or less is off",
        "--text_encoder_lr 1e-5 --network_train_unet_only|text_encoder_lr|IGNORED|no LoRA",
        "--text_encoder_lr 1e-5 1e-6|text_encoder_lr|EFFECTIVE|only the first",
        "--lr_scheduler=cosine --lr_scheduler_num_cycles=3|lr_scheduler_num_cycles|IGNORED|cosine always falls once",
        "--lr_scheduler=cosine --optimizer_type=AdamWScheduleFree|lr_scheduler|IGNORED|schedule-free",
        "--cpu_offload_checkpointing|cpu_offload_checkpointing|IGNORED|needs --gradient_checkpointing",
        "--cpu_offload_checkpointing --gradient_checkpointing|cpu_offload_checkpointing|EFFECTIVE|wait in main memory",
        "--unsloth_offload_checkpointing|unsloth_offload_checkpointing|EFFECTIVE|wait in main memory",
        "--blocks_to_swap=0|blocks_to_swap|IGNORED|0 blocks",
        "--blocks_to_swap=28|blocks_to_swap|EFFECTIVE|",
        "--full_fp16 --v_pred_like_loss=1 --v_parameterization|v_pred_like_loss|CONFLICT|excludes",
        "--weighted_captions|weighted_captions|CONFLICT|cannot be used",
        "--network_args a=1 --network_args b=2|network_args|EFFECTIVE|given 2 times, the last one counts (lists do not add up)",
        "--network_alpha=0|network_alpha|EFFECTIVE|",
        "--network_dropout=0.1|network_dropout|EFFECTIVE|",
        "--network_dropout=0.1 --network_module=networks.loha|network_dropout|IGNORED|use --network_args rank_dropout",
        "--huber_c=1|huber_c|IGNORED|only --loss_type huber",
        "--llm_adapter_lr=1|llm_adapter_lr|IGNORED|network_reg_lrs",
        "--attn_mode=sageattn|attn_mode|IGNORED|trains the attention layers",
        "--log_with=wandb|log_with|IGNORED|Weights & Biases",
        "--sample_prompts=p.txt|sample_prompts|EFFECTIVE|a file named sample in the run's folder",
        "--sample_prompts=p.txt --sample_at_first|sample_prompts|EFFECTIVE|",
        "--train_data_dir=a --dataset_config=b|train_data_dir|OVERRIDDEN|--dataset_config counts",
        "--train_batch_size=4 --dataset_config=b|train_batch_size|EFFECTIVE|says nothing",
        "--max_data_loader_n_workers=8|max_data_loader_n_workers|EFFECTIVE|order of 0 workers",
        "--fp8_base|fp8_base|EFFECTIVE|the reference switches it off",
        "--fp8_base_unet --reference_exact|fp8_base_unet|IGNORED|--reference_exact",
        "--save_every_n_epochs=5 --save_n_epoch_ratio=2|save_every_n_epochs|OVERRIDDEN|ratio"
      })
  void saysWhatBecomesOfAFlag(String words, String flag, Effect effect, String reason) {
    Entry entry = entry(report(words.split(" ")), flag);
    assertThat(entry.effect()).isEqualTo(effect);
    assertThat(entry.reason()).contains(reason == null ? "" : reason);
  }

  @Test
  void sharesAreResolvedToSteps() {
    Entry entry = entry(report("--lr_warmup_steps=5%", "--lr_scheduler=linear"), "lr_warmup_steps");
    assertThat(entry.value()).isEqualTo("5%");
    assertThat(entry.resolved()).isEqualTo("60 steps (5 % of all steps)");
    assertThat(entry.reason()).isEmpty();
  }

  @Test
  void aFlagTheDatasetFileBeatsIsOverridden(@TempDir Path dir) throws IOException {
    Files.createDirectory(dir.resolve("a"));
    Files.writeString(
        dir.resolve("d.toml"),
        "[[datasets]]\nbatch_size=1\nresolution=512\n[[datasets.subsets]]\nimage_dir='a'\n");
    Flags flags =
        CommandLine.parse(
            List.of(
                "--dataset_config=d.toml",
                "--train_batch_size=4",
                "--keep_tokens=1",
                "--validate_every_n_steps=5"));
    FlagReport report =
        FlagReport.of(flags, Optional.of(DatasetConfig.of(flags, dir)), Optional.empty());
    assertThat(entry(report, "train_batch_size").effect()).isEqualTo(Effect.OVERRIDDEN);
    assertThat(entry(report, "keep_tokens").effect()).isEqualTo(Effect.EFFECTIVE);
    assertThat(entry(report, "validate_every_n_steps").reason()).contains("no dataset has");
    assertThat(report.warnings())
        .extracting(FlagReport.Warning::code)
        .contains("default_learning_rate");
  }

  @Test
  void everyFlagThatChangesNothingIsCalledIgnored() {
    List<String> words = new ArrayList<>();
    int flags = 0;
    for (Flag flag : FlagTable.train().all()) {
      if (flag.status() == Flag.Status.NO_EFFECT || flag.status() == Flag.Status.METADATA_ONLY) {
        flags++;
        words.add(flag.dashed());
        if (flag.kind() != Flag.Kind.SWITCH) {
          words.add(flag.choices().isEmpty() ? "1" : flag.choices().getFirst());
        }
      }
    }
    FlagReport report = report(words.toArray(String[]::new));
    assertThat(report.entries()).hasSize(flags);
    assertThat(report.entries())
        .filteredOn(e -> e.effect() != Effect.IGNORED)
        .extracting(Entry::flag)
        .containsExactlyInAnyOrder("--training_comment", "--v_pred_like_loss");
  }
}
