package dev.anima.train;

import dev.anima.config.Flags;
import dev.anima.config.PublishConfig;
import dev.anima.config.Recipes;
import dev.anima.config.Size;
import dev.anima.io.PythonText;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// The `__metadata__` of a saved LoRA: training settings under `ss_`, description under
/// `modelspec.` (`spec/training.md` §20). Hashes are added by the file writer.
///
/// Values are Python's `str()` of what the reference holds, so that every reader of such files
/// finds what it expects. No path and no user name is written.
///
/// @param flags the run's flags, presets included
/// @param publish the description; the reference loses half of it for Anima
/// @param seed the resolved seed
/// @param dataset what the datasets contribute (`ss_datasets`, `ss_tag_frequency`, ...)
/// @param optimizerName as the reference writes it, such as `torch.optim.adamw.AdamW`
/// @param modelFiles names and hashes of the base model files; may wait until they are computed
/// @param networkArgs `ss_network_args`, empty when none were given
/// @param sessionId random, to tell runs apart
/// @param startedAt when training began
/// @param program name and version of this program, such as `anima/0.1.0`
public record RunMetadata(
    Flags flags,
    PublishConfig publish,
    RunPlan plan,
    long seed,
    Map<String, String> dataset,
    String optimizerName,
    Supplier<Map<String, String>> modelFiles,
    Optional<String> networkArgs,
    long sessionId,
    Instant startedAt,
    String program) {

  private static final String[] FLAGS_UNDER_THEIR_NAME = {
    "learning_rate",
    "unet_lr",
    "text_encoder_lr",
    "output_name",
    "training_comment",
    "gradient_checkpointing",
    "gradient_accumulation_steps",
    "lr_warmup_steps",
    "lr_scheduler",
    "network_module",
    "network_dim",
    "network_alpha",
    "network_dropout",
    "mixed_precision",
    "full_fp16",
    "v2",
    "clip_skip",
    "max_token_length",
    "lowram",
    "noise_offset",
    "multires_noise_iterations",
    "multires_noise_discount",
    "adaptive_noise_scale",
    "zero_terminal_snr",
    "min_snr_gamma",
    "ip_noise_gamma",
    "noise_offset_random_strength",
    "ip_noise_gamma_random_strength",
    "max_grad_norm",
    "scale_weight_norms",
    "prior_loss_weight",
    "face_crop_aug_range",
    "caption_dropout_rate",
    "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate",
    "loss_type",
    "huber_schedule",
    "huber_scale",
    "huber_c",
    "fp8_base",
    "fp8_base_unet",
    "validation_seed",
    "validation_split",
    "max_validation_steps",
    "validate_every_n_epochs",
    "validate_every_n_steps",
    "resize_interpolation",
    "weighting_scheme",
    "logit_mean",
    "logit_std",
    "mode_scale",
    "timestep_sampling",
    "sigmoid_scale",
    "discrete_flow_shift"
  };

  /// What `--no_metadata` leaves.
  private static final String[] MINIMUM = {
    "ss_v2",
    "ss_base_model_version",
    "ss_network_module",
    "ss_network_dim",
    "ss_network_alpha",
    "ss_network_args"
  };

  /// The metadata of a file saved now.
  ///
  /// @param steps optimizer steps done
  /// @param epoch as the reference counts: 0-based in step files, 1-based in epoch files
  public Map<String, String> at(int steps, int epoch, Instant now) {
    Map<String, String> all = trainingSettings(steps, epoch, now);
    if (publish.withoutTrainingDetails()) {
      Map<String, String> minimum = new LinkedHashMap<>();
      for (String key : MINIMUM) {
        Optional.ofNullable(all.get(key)).ifPresent(value -> minimum.put(key, value));
      }
      all = minimum;
    }
    all.putAll(modelSpec(now));
    return all;
  }

  private Map<String, String> trainingSettings(int steps, int epoch, Instant now) {
    Map<String, String> map = new LinkedHashMap<>();
    map.put("ss_session_id", Long.toString(sessionId));
    map.put("ss_training_started_at", seconds(startedAt));
    for (String flag : FLAGS_UNDER_THEIR_NAME) {
      map.put("ss_" + flag, flags.pythonText(flag));
    }
    map.put("ss_debiased_estimation", flags.pythonText("debiased_estimation_loss"));
    map.put(
        "ss_cache_latents",
        pythonBool(flags.on("cache_latents") || flags.on("cache_latents_to_disk")));
    map.put("ss_seed", Long.toString(seed));
    map.put("ss_num_batches_per_epoch", Integer.toString(plan.batchesPerEpoch()));
    map.put("ss_num_epochs", Integer.toString(plan.epochs()));
    map.put("ss_max_train_steps", Integer.toString(plan.totalSteps()));
    map.put("ss_base_model_version", "anima");
    map.put("ss_sd_scripts_commit_hash", "(unknown)");
    map.put("ss_optimizer", optimizerName);
    if (optimizerName.startsWith("transformers.") && optimizerName.contains("relative_step=True")) {
      ownRates(map);
    }
    networkArgs.ifPresent(args -> map.put("ss_network_args", args));
    map.putAll(dataset);
    map.putAll(modelFiles.get());
    map.put("ss_training_finished_at", seconds(now));
    map.put("ss_steps", Integer.toString(steps));
    map.put("ss_epoch", Integer.toString(epoch));
    map.put(Recipes.KEY, Recipes.manifest(flags));
    return map;
  }

  /// Adafactor with relative steps: the reference clears the rates and names its own schedule.
  private void ownRates(Map<String, String> map) {
    for (String rate : List.of("learning_rate", "unet_lr", "text_encoder_lr")) {
      map.put("ss_" + rate, "None");
    }
    map.put("ss_lr_scheduler", "adafactor:" + flags.pythonText("learning_rate"));
  }

  private Map<String, String> modelSpec(Instant now) {
    Map<String, String> map = new LinkedHashMap<>();
    map.put("modelspec.sai_model_spec", "1.0.1");
    map.put("modelspec.architecture", "anima-preview/lora");
    map.put("modelspec.implementation", "https://huggingface.co/circlestone-labs/Anima");
    map.put("modelspec.implementation_version", program);
    map.put(
        "modelspec.title",
        Optional.ofNullable(publish.modelspec().get("title"))
            .or(() -> flags.text("output_name"))
            .orElseGet(() -> "LoRA@" + now.getEpochSecond()));
    map.put("modelspec.resolution", resolution());
    map.put(
        "modelspec.date",
        DateTimeFormatter.ISO_LOCAL_DATE_TIME.format(
            now.truncatedTo(ChronoUnit.SECONDS).atZone(ZoneId.systemDefault())));
    map.put("modelspec.prediction_type", flags.on("v_parameterization") ? "v" : "epsilon");
    publish.modelspec().forEach((name, value) -> map.putIfAbsent("modelspec." + name, value));
    if (flags.isSet("min_timestep") || flags.isSet("max_timestep")) {
      map.put(
          "modelspec.timestep_range",
          flags.maybeInteger("min_timestep").orElse(0)
              + ","
              + flags.maybeInteger("max_timestep").orElse(1000));
    }
    flags
        .maybeInteger("clip_skip")
        .ifPresent(layers -> map.put("modelspec.encoder_layer", Integer.toString(layers)));
    return map;
  }

  /// The reference looks at the flag alone, never at the dataset configuration.
  private String resolution() {
    String typed = flags.text("resolution", "1024");
    String[] sides = typed.replace(" ", "").split(",", -1);
    return new Size(Integer.parseInt(sides[0]), Integer.parseInt(sides[sides.length - 1]))
        .toString();
  }

  private static String pythonBool(boolean value) {
    return value ? "True" : "False";
  }

  private static String seconds(Instant instant) {
    return PythonText.repr(instant.getEpochSecond() + instant.getNano() / 1e9);
  }
}
