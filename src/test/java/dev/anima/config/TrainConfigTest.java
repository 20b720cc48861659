package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.config.CacheConfig.Store;
import dev.anima.config.MemoryConfig.Checkpointing;
import dev.anima.config.NetworkConfig.Trained;
import dev.anima.config.NoiseConfig.TimestepSampling;
import dev.anima.config.OutputConfig.SavedType;
import dev.anima.config.Precision.Compute;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainConfigTest {
  private static final List<String> NEEDED =
      List.of(
          "--pretrained_model_name_or_path=dit.safetensors",
          "--qwen3=qwen3.safetensors",
          "--vae=vae.safetensors",
          "--output_dir=out");

  @TempDir Path dir;

  @BeforeEach
  void modelFiles() throws IOException {
    for (String name : List.of("dit", "qwen3", "vae")) {
      Files.createFile(dir.resolve(name + ".safetensors"));
    }
    Files.createFile(dir.resolve("prompts.txt"));
  }

  private TrainConfig config(String... words) {
    List<String> all = new ArrayList<>(NEEDED);
    all.addAll(List.of(words));
    return TrainConfig.of(CommandLine.parse(all), dir);
  }

  @Test
  void defaultsAreTheReferences() {
    TrainConfig config = config();
    assertThat(config.models().dit()).isEqualTo(dir.resolve("dit.safetensors"));
    assertThat(config.models().qwen3MaxTokens()).isEqualTo(512);
    assertThat(config.network().rank()).isEqualTo(4);
    assertThat(config.network().scale()).isEqualTo(0.25);
    assertThat(config.network().alpha()).isEmpty();
    assertThat(config.network().trained()).isEqualTo(Trained.DIT_AND_TEXT_ENCODER);
    assertThat(config.optimizer().type()).isEqualTo("AdamW");
    assertThat(config.optimizer().learningRate()).isEqualTo(2e-6);
    assertThat(config.optimizer().maxGradNorm()).isEqualTo(1.0);
    assertThat(config.schedule().name()).isEqualTo("constant");
    assertThat(config.length().totalSteps(20)).isEqualTo(1600);
    assertThat(config.precision().compute()).isEqualTo(Compute.NO);
    assertThat(config.memory())
        .isEqualTo(new MemoryConfig(Checkpointing.OFF, 0, OptionalLong.empty()));
    assertThat(config.noise().sampling()).isEqualTo(TimestepSampling.SIGMOID);
    assertThat(config.loss().type()).isEqualTo(LossConfig.Type.L2);
    assertThat(config.cache().latents()).isEqualTo(Store.NONE);
    assertThat(config.validation().everyEpochs()).isEqualTo(1);
    assertThat(config.output().precision()).isEmpty();
    assertThat(config.logging().trackerName()).isEqualTo("network_train");
    assertThat(config.publish().modelspec()).isEmpty();
    assertThat(config.machine().device()).isEqualTo("auto");
  }

  @Test
  void theArticlesCommandBecomesRecords() {
    TrainConfig config =
        config(
            "--network_module=networks.lora_anima",
            "--network_dim=4",
            "--network_alpha=4",
            "--network_dropout=0.1",
            "--network_args",
            "rank_dropout=0.1",
            "module_dropout=0.1",
            "--learning_rate=1e-4",
            "--optimizer_type=AdamW8bit",
            "--optimizer_args",
            "weight_decay=0.11",
            "betas=(0.9,0.99)",
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
            "--metadata_author=me",
            "--mixed_precision=fp16",
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
            "--vae_disable_cache",
            "--log_with=tensorboard",
            "--logging_dir=logs");
    assertThat(config.network().scale()).isEqualTo(1.0);
    assertThat(config.network().args()).containsEntry("rank_dropout", "0.1").hasSize(2);
    assertThat(config.optimizer().args().toString())
        .isEqualTo("{weight_decay=0.11, betas=Tuple[items=[0.9, 0.99]]}");
    assertThat(config.schedule().warmup().resolve(1200)).isEqualTo(5);
    assertThat(config.length().totalSteps(20)).isEqualTo(1200);
    assertThat(config.length().epochs(20)).isEqualTo(60);
    assertThat(config.output().precision()).hasValue(SavedType.FP16);
    assertThat(config.network().maxNorm()).hasValue(1.0);
    assertThat(config.noise().ipNoiseGamma()).hasValue(0.1);
    assertThat(config.length().seed()).hasValue(0);
    assertThat(config.publish().modelspec()).containsEntry("author", "me");
    assertThat(config.memory().checkpointing()).isEqualTo(Checkpointing.RECOMPUTE);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "--adaptive_noise_scale=1|--adaptive_noise_scale needs --noise_offset",
        "--scale_v_pred_loss_like_noise_pred|needs --v_parameterization",
        "--v_pred_like_loss=1 --v_parameterization|--v_pred_like_loss excludes",
        "--cache_text_encoder_outputs|--cache_text_encoder_outputs needs --network_train_unet_only",
        "--cache_text_encoder_outputs_to_disk|needs --network_train_unet_only",
        "--full_fp16|--full_fp16 needs --mixed_precision=fp16, got no",
        "--full_bf16 --mixed_precision=fp16|--full_bf16 needs --mixed_precision=bf16, got fp16",
        "--persistent_data_loader_workers --max_data_loader_n_workers=0|needs --max_data_loader_n_workers",
        "--network_train_unet_only --network_train_text_encoder_only|leave nothing to train",
        "--output_dir=|--output_dir is missing",
        "--save_last_n_epochs=0|--save_last_n_epochs=0 would delete",
        "--save_last_n_steps=0|--save_last_n_steps=0 would delete",
        "--save_every_n_steps=0|--save_every_n_steps must be at least 1, got 0",
        "--sample_every_n_steps=10|--sample_prompts is missing",
        "--sample_at_first|--sample_prompts is missing",
        "--sample_prompts=no.txt|--sample_prompts: no.txt does not exist",
        "--sample_prompts=dit.safetensors|must end in .txt, .toml or .json",
        "--network_module=networks.lora|networks.lora is not for Anima; did you mean networks.lo",
        "--network_module=networks.dylora|networks.dylora is not for Anima",
        "--loss_type=huber|--huber_schedule=snr (the default) is not defined for Anima",
        "--loss_type=smooth_l1 --huber_schedule=snr|--huber_schedule=snr is not",
        "--lr_warmup_steps=5|--lr_warmup_steps=5 cannot be used with --lr_scheduler=constant",
        "--lr_warmup_steps=-1 --lr_scheduler=linear|--lr_warmup_steps must be steps or a share",
        "--lr_warmup_steps=5 --lr_scheduler_type=StepLR|cannot be used with --lr_scheduler_type",
        "--blocks_to_swap=3 --unsloth_offload_checkpointing|--blocks_to_swap cannot be used",
        "--cpu_offload_checkpointing --unsloth_offload_checkpointing|exclude each other",
        "--use_8bit_adam --optimizer_type=Lion|--use_8bit_adam and --optimizer_type=Lion exclude",
        "--use_8bit_adam --use_lion_optimizer|exclude each other",
        "--log_with=tensorboard|--log_with=tensorboard needs --logging_dir",
        "--initial_step=1600|--initial_step=1600 must be below --max_train_steps=1600",
        "--dim_from_weights|--dim_from_weights needs --network_weights",
        "--network_weights=no.safetensors|--network_weights: no.safetensors does not exist",
        "--base_weights_multiplier 1.0|1 numbers for 0 files",
        "--network_args rank_dropout|--network_args: expected key=value, got \"rank_dropout\"",
        "--optimizer_args betas=a=b|--optimizer_args: expected key=value with one equals sign",
        "--optimizer_args amsgrad=true|-> write amsgrad=True",
        "--lr_scheduler_args decay_type=linear|-> write \"decay_type='linear'\"",
        "--network_dim=0|--network_dim must be at least 1, got 0",
        "--network_dropout=1|--network_dropout must be from 0 to below 1, got 1.0",
        "--learning_rate=-1|--learning_rate must not be negative, got -1.0",
        "--learning_rate=nan|--learning_rate must not be negative, got nan",
        "--gradient_accumulation_steps=0|--gradient_accumulation_steps must be at least 1",
        "--max_train_epochs=0|--max_train_epochs must be at least 1",
        "--device=gpu|--device must be auto, cpu, cuda or cuda:N, got \"gpu\"",
        "--save_model_as=ckpt|--save_model_as=ckpt: only safetensors is written",
        "--deepspeed|--deepspeed cannot be used: DeepSpeed is a Python library",
        "--weighted_captions|--weighted_captions cannot be used",
        "--dataset_class=a.B|--dataset_class cannot be used",
        "--vae=no.safetensors|--vae: no.safetensors does not exist",
        "--vae=.|--vae: ",
        "--output_dir=dit.safetensors|is a file, not a folder"
      })
  void refusesBeforeAnythingIsLoaded(String words, String message) {
    assertThatThrownBy(() -> config(words.split(" ")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  @Test
  void allProblemsAreToldAtOnce() {
    assertThatThrownBy(
            () -> TrainConfig.of(CommandLine.parse(List.of("--network_dim=0", "--full_fp16")), dir))
        .hasMessageContaining("--pretrained_model_name_or_path is missing")
        .hasMessageContaining("--output_dir is missing")
        .hasMessageContaining("--network_dim")
        .hasMessageContaining("--full_fp16");
  }

  @Test
  void impliedSettingsFollow() {
    assertThat(config("--cache_latents_to_disk").cache().latents()).isEqualTo(Store.DISK);
    assertThat(config("--unsloth_offload_checkpointing").memory().checkpointing())
        .isEqualTo(Checkpointing.OFFLOAD);
    assertThat(config("--cpu_offload_checkpointing").memory().checkpointing())
        .isEqualTo(Checkpointing.OFF);
    assertThat(config("--sample_every_n_steps=0").samples().everySteps()).isEmpty();
    assertThat(
            config(
                    "--sample_every_n_steps=5",
                    "--sample_every_n_epochs=2",
                    "--sample_prompts=prompts.txt")
                .samples()
                .everySteps())
        .isEmpty();
    assertThat(config("--network_alpha=0", "--network_dim=16").network().scale()).isEqualTo(1.0);
    assertThat(config("--scale_weight_norms=0").network().maxNorm()).isEmpty();
    assertThat(config("--use_8bit_adam").optimizer().type()).isEqualTo("AdamW8bit");
    var keep = config("--save_last_n_epochs=3", "--save_last_n_epochs_state=0").output().keep();
    assertThat(keep.epochStates()).hasValue(3);
    assertThat(config("--lr_warmup_steps=5", "--optimizer_type=AdamWScheduleFree").schedule())
        .isNotNull();
  }

  @ParameterizedTest(name = "{0} batches")
  @CsvSource({
    "20, 1, 60, 1200",
    "21, 1, 60, 1260",
    "30, 1, 100, 3000",
    "84, 1, 75, 6300",
    "65, 1, 100, 6500",
    "7, 1, 20, 140",
    "5, 2, 2, 6",
    "18, 1, 75, 1350"
  })
  void countsStepsAsTheReference(int batches, int accumulation, int epochs, int steps) {
    RunLength length =
        config("--gradient_accumulation_steps=" + accumulation, "--max_train_epochs=" + epochs)
            .length();
    assertThat(length.totalSteps(batches)).isEqualTo(steps);
    assertThat(length.epochs(batches)).isEqualTo(epochs);
  }

  @Test
  void checkpointsCountByRatioWhenGiven() {
    var every = config("--save_every_n_epochs=5", "--save_n_epoch_ratio=4").output().every();
    assertThat(every.epochInterval(60)).isEqualTo(OptionalInt.of(15));
    assertThat(every.epochInterval(3)).isEqualTo(OptionalInt.of(1));
  }
}
