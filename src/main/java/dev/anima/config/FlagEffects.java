package dev.anima.config;

import static dev.anima.config.FlagReport.Finding.effective;
import static dev.anima.config.FlagReport.Finding.ignored;
import static dev.anima.config.FlagReport.Finding.overridden;

import dev.anima.config.FlagReport.Finding;
import dev.anima.config.FlagReport.RunFacts;
import dev.anima.io.PythonText;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// The rules by which one flag makes another idle, and what a value comes to.
final class FlagEffects {
  private static final Finding PLAIN = effective("", "");

  private static final Set<String> NOISE_OPTIONS =
      Set.of(
          "noise_offset",
          "noise_offset_random_strength",
          "adaptive_noise_scale",
          "multires_noise_iterations",
          "multires_noise_discount");

  private final Flags flags;
  private final Optional<DatasetConfig> datasets;
  private final Optional<RunFacts> facts;

  FlagEffects(Flags flags, Optional<DatasetConfig> datasets, Optional<RunFacts> facts) {
    this.flags = flags;
    this.datasets = datasets;
    this.facts = facts;
  }

  Finding of(FlagValue value) {
    Flag flag = value.flag();
    if (Boolean.FALSE.equals(value.value())) {
      return effective("off", "");
    }
    return switch (flag.status()) {
      case NO_EFFECT, REJECTED -> ignored(withoutEffect(flag));
      case METADATA_ONLY -> recorded(flag);
      case DATASET_FALLBACK -> datasetFallback(flag.name());
      case HONOURED -> honoured(flag.name());
    };
  }

  private Finding recorded(Flag flag) {
    boolean noise = NOISE_OPTIONS.contains(flag.name());
    if (noise && flags.on("apply_noise_options")) {
      return switch (flag.name()) {
        case "noise_offset_random_strength", "adaptive_noise_scale" ->
            only(flags.maybeNumber("noise_offset").orElse(0) != 0, "there is no --noise_offset");
        case "multires_noise_discount" ->
            only(
                flags.maybeInteger("multires_noise_iterations").orElse(0) > 0,
                "there is no --multires_noise_iterations");
        default -> effective("", "by --apply_noise_options; the reference only records it");
      };
    }
    boolean range = flag.name().equals("min_timestep") || flag.name().equals("max_timestep");
    if (range && flags.on("apply_timestep_range")) {
      return effective("", "by --apply_timestep_range; the reference only records it");
    }
    return flag.name().equals("training_comment") ? PLAIN : ignored(flag.reason());
  }

  private String withoutEffect(Flag flag) {
    return flag.name().equals("attn_mode") && flags.text("attn_mode", "").equals("sageattn")
        ? flag.reason() + ", and unlike sageattn it trains the attention layers"
        : flag.reason();
  }

  private Finding datasetFallback(String name) {
    if (name.equals("conditioning_data_dir")) {
      return ignored("masks are named in the subsets of the dataset configuration");
    }
    String key = name.equals("caption_extention") ? "caption_extension" : name;
    if (datasets.isPresent() && !datasets.get().fromFlags().contains(key)) {
      return overridden("the dataset configuration sets it everywhere");
    }
    if (name.equals("caption_extension") && flags.isSet("caption_extention")) {
      return overridden("--caption_extention counts");
    }
    if (name.equals("flip_aug")) {
      return effective("", "mirrors half of the time; counts and steps stay the same");
    }
    return flags.path("dataset_config").isPresent()
        ? effective("", "counts where the dataset configuration says nothing")
        : PLAIN;
  }

  private Finding honoured(String name) {
    return switch (name) {
      case "train_data_dir", "reg_data_dir", "in_json" ->
          flags.path("dataset_config").isPresent() ? overridden("--dataset_config counts") : PLAIN;
      case "console_log_simple" ->
          effective("", "the data order of a seed is the one with this switch in any case");
      case "max_data_loader_n_workers" ->
          effective(
              "0",
              flags.integer(name) == 0
                  ? ""
                  : "batches are prepared inside this process, in the order of 0 workers");
      case "max_train_steps" ->
          flags.isSet("max_train_epochs") ? overridden("--max_train_epochs counts") : steps();
      case "cache_latents", "cache_text_encoder_outputs" ->
          effective(flags.on(name + "_to_disk") ? "on disk" : "in memory", "");
      case "cpu_offload_checkpointing" ->
          flags.on("gradient_checkpointing")
              ? inMainMemory()
              : ignored("it needs --gradient_checkpointing");
      case "unsloth_offload_checkpointing" -> inMainMemory();
      case "blocks_to_swap" ->
          only(flags.maybeInteger(name).orElse(0) > 0, "0 blocks are swapped anyway");
      case "fp8_base", "fp8_base_unet" ->
          flags.on("reference_exact")
              ? ignored("--reference_exact: the reference switches it off for Anima")
              : effective("e4m3, a scale per row", "the reference switches it off for Anima");
      case "fast_matmul" ->
          effective(
              flags.on("int8_base") ? "forward products in int8" : "forward products in fp8",
              "backward, samples and validation unpack the weights");
      case "skip_until_initial_step" ->
          only(
              flags.isSet("initial_step") || flags.isSet("initial_epoch") || flags.isSet("resume"),
              "there is no --initial_step");
      case "initial_epoch" ->
          flags.isSet("initial_step") ? overridden("--initial_step counts") : PLAIN;
      case "logging_dir", "log_prefix", "log_tracker_name", "log_config", "log_with" ->
          logging(name);
      case "loss_type", "huber_c", "huber_scale", "huber_schedule" -> loss(name);
      default -> savingOrSampling(name);
    };
  }

  /// A preset's length is in steps, as it does not know how many pictures there are.
  private Finding steps() {
    int stepsPerEpoch = facts.map(RunFacts::stepsPerEpoch).orElse(0);
    Optional<Preset> preset = Preset.of(flags);
    if (flags.source("max_train_steps") != FlagValue.Source.PRESET
        || preset.isEmpty()
        || stepsPerEpoch == 0
        || preset.get().steps() % stepsPerEpoch == 0) {
      return PLAIN;
    }
    int epochs = preset.get().wholeEpochs(stepsPerEpoch);
    return effective(
        "",
        "ends inside an epoch; --max_train_epochs=%d ends with one, after %d steps"
            .formatted(epochs, epochs * stepsPerEpoch));
  }

  private static Finding inMainMemory() {
    return effective("as --gradient_checkpointing", "the blocks' inputs wait in main memory");
  }

  private Finding logging(String name) {
    String with = flags.text("log_with", "");
    if (name.equals("log_with")) {
      return switch (with) {
        case "wandb" ->
            ignored(
                "nothing is sent to Weights & Biases; --log_with=tensorboard writes curves into --logging_dir");
        case "all" -> effective("tensorboard", "nothing is sent to Weights & Biases");
        default -> PLAIN;
      };
    }
    return only(flags.path("logging_dir").isPresent(), "there is no --logging_dir");
  }

  private Finding loss(String name) {
    String type = flags.text("loss_type", "l2");
    boolean huber = type.equals("huber") || type.equals("smooth_l1");
    return name.equals("loss_type")
        ? PLAIN
        : only(huber, "only --loss_type huber and smooth_l1 have a threshold");
  }

  private Finding savingOrSampling(String name) {
    return switch (name) {
      case "save_every_n_epochs" -> epochCheckpoints();
      case "save_last_n_epochs", "save_last_n_epochs_state" ->
          only(
              flags.isSet("save_every_n_epochs") || flags.isSet("save_n_epoch_ratio"),
              "no epoch checkpoints are saved");
      case "save_last_n_steps", "save_last_n_steps_state" ->
          only(flags.isSet("save_every_n_steps"), "no step checkpoints are saved");
      case "save_state_on_train_end" ->
          flags.on("save_state") ? overridden("--save_state does it already") : PLAIN;
      case "save_precision" ->
          effective(flags.text(name, "").equals("float") ? "fp32" : flags.text(name, ""), "");
      case "sample_every_n_steps" -> sampleSteps();
      case "sample_every_n_epochs" ->
          only(flags.maybeInteger(name).orElse(0) > 0, "an interval of 0 or less is off");
      case "sample_prompts" ->
          flags.maybeInteger("sample_every_n_steps").orElse(0) > 0
                  || flags.maybeInteger("sample_every_n_epochs").orElse(0) > 0
                  || flags.on("sample_at_first")
              ? PLAIN
              : effective(
                  "on request",
                  "no interval asks for pictures; a file named sample in the run's folder does");
      case "validate_every_n_steps", "validate_every_n_epochs", "max_validation_steps" ->
          only(validates(), "no dataset has a validation_split");
      case "progress_every_n_steps", "learnt_patience", "trigger_word" ->
          only(flags.integer("progress_images") > 0, "--progress_images=0 switches measures off");
      default -> network(name);
    };
  }

  private Finding epochCheckpoints() {
    int interval = flags.maybeInteger("save_every_n_epochs").orElse(1);
    int epochs =
        facts.map(RunFacts::epochs).orElse(flags.maybeInteger("max_train_epochs").orElse(0));
    if (flags.isSet("save_n_epoch_ratio")) {
      return overridden("--save_n_epoch_ratio counts");
    }
    return epochs > 0 && interval >= epochs
        ? ignored(
            "the last epoch (%d) has no checkpoint of its own: only the final file is written"
                .formatted(epochs))
        : PLAIN;
  }

  private Finding sampleSteps() {
    if (flags.maybeInteger("sample_every_n_epochs").orElse(0) > 0) {
      return overridden("--sample_every_n_epochs counts");
    }
    return only(
        flags.maybeInteger("sample_every_n_steps").orElse(0) > 0,
        "an interval of 0 or less is off");
  }

  private boolean validates() {
    return datasets
        .map(config ->
            config.datasets().stream()
                .flatMap(dataset -> dataset.subsets().stream())
                .anyMatch(subset -> subset.validationSplit() > 0))
        .orElse(true);
  }

  private Finding network(String name) {
    boolean fromFile = flags.on("dim_from_weights");
    return switch (name) {
      case "network_dim", "network_alpha" ->
          fromFile ? overridden("--dim_from_weights takes it from --network_weights") : scale(name);
      case "network_dropout", "network_args" ->
          fromFile
              ? ignored("--dim_from_weights takes modules from the file, without dropouts")
              : name.equals("network_dropout") ? elementDropout() : PLAIN;
      case "base_weights_multiplier" ->
          only(flags.isSet("base_weights"), "there is no --base_weights");
      case "scale_weight_norms", "max_grad_norm" ->
          flags.number(name) == 0 ? effective("off", "0 switches it off") : PLAIN;
      case "learning_rate" -> learningRate();
      case "unet_lr" -> only(!flags.on("network_train_text_encoder_only"), "the DiT gets no LoRA");
      case "text_encoder_lr" -> textEncoderRate();
      default -> schedule(name);
    };
  }

  /// LoHa and LoKr have no rank activations that could be dropped.
  private Finding elementDropout() {
    String module = flags.text("network_module", NetworkKind.LORA.module());
    return only(
        module.equals(NetworkKind.LORA.module()),
        module + " has no such dropout; use --network_args rank_dropout=P or module_dropout=P");
  }

  private Finding scale(String name) {
    int rank = flags.maybeInteger("network_dim").orElse(4);
    double alpha = flags.number("network_alpha");
    double scale = alpha == 0 ? 1 : alpha / rank;
    return name.equals("network_dim")
        ? effective("rank " + rank, "")
        : effective(
            "alpha %s, so the LoRA counts %s"
                .formatted(PythonText.repr(alpha == 0 ? rank : alpha), PythonText.repr(scale)),
            "strength is alpha / rank");
  }

  private Finding learningRate() {
    boolean text =
        !flags.on("network_train_unet_only") && flags.numbers("text_encoder_lr").isEmpty();
    boolean dit = !flags.on("network_train_text_encoder_only") && !flags.isSet("unet_lr");
    if (!text && !dit) {
      return overridden("every group has a rate of its own");
    }
    return effective(
        "",
        text && dit
            ? "for the DiT and for the Qwen3 LoRA, which is trained without --network_train_unet_only"
            : text ? "for the Qwen3 LoRA" : "for the DiT LoRA");
  }

  private Finding textEncoderRate() {
    if (flags.on("network_train_unet_only")) {
      return ignored("--network_train_unet_only: Qwen3 gets no LoRA");
    }
    List<Double> rates = flags.numbers("text_encoder_lr");
    if (rates.isEmpty()) {
      return ignored("it is empty, so --learning_rate counts");
    }
    return effective(
        PythonText.repr(rates.getFirst()), rates.size() > 1 ? "only the first rate counts" : "");
  }

  private Finding schedule(String name) {
    boolean scheduleFree =
        flags.text("optimizer_type", "").toLowerCase(Locale.ROOT).endsWith("schedulefree");
    if (scheduleFree && name.startsWith("lr_")) {
      return ignored("a schedule-free optimizer has no learning-rate schedule");
    }
    if (choosesOwnRates() && name.startsWith("lr_")) {
      return ignored("Adafactor with relative_step chooses its own rates");
    }
    String scheduler = flags.text("lr_scheduler", "constant");
    if (name.startsWith("lr_")
        && !flags.text("lr_scheduler_type", "").isEmpty()
        && !Set.of("lr_scheduler_type", "lr_scheduler_args").contains(name)) {
      return overridden("--lr_scheduler_type counts");
    }
    return switch (name) {
      case "lr_warmup_steps" -> warmup(scheduler);
      case "lr_decay_steps" -> onlyWith(scheduler, "warmup_stable_decay");
      case "lr_scheduler_num_cycles" ->
          scheduler.equals("cosine")
              ? ignored(
                  "cosine always falls once; use cosine_with_restarts, or --lr_scheduler_args num_cycles=...")
              : onlyWith(
                  scheduler, "cosine_with_restarts", "cosine_with_min_lr", "warmup_stable_decay");
      case "lr_scheduler_power" -> onlyWith(scheduler, "polynomial");
      case "lr_scheduler_timescale" -> onlyWith(scheduler, "inverse_sqrt");
      case "lr_scheduler_min_lr_ratio" ->
          onlyWith(scheduler, "cosine_with_min_lr", "warmup_stable_decay", "rex");
      default -> noise(name);
    };
  }

  /// Adafactor, unless relative steps are switched off.
  private boolean choosesOwnRates() {
    String type = flags.text("optimizer_type", "").toLowerCase(Locale.ROOT);
    List<String> args = flags.texts("optimizer_args");
    return (type.equals("adafactor") || type.endsWith(".adafactor"))
        && (!args.contains("relative_step=False") || args.contains("warmup_init=True"));
  }

  private Finding warmup(String scheduler) {
    if (scheduler.equals("piecewise_constant")) {
      return ignored("piecewise_constant has no warm-up");
    }
    int total = facts.map(RunFacts::totalSteps).orElse(0);
    return switch (flags.intOrRatio("lr_warmup_steps")) {
      case IntOrRatio.Steps(int steps) ->
          effective(
              steps + " steps",
              "%d means %d steps%s, not %d %%; write %d%% for a percentage"
                  .formatted(
                      steps,
                      steps,
                      total > 0
                          ? String.format(
                              Locale.ROOT, " (%.1f %% of %d)", 100.0 * steps / total, total)
                          : "",
                      steps,
                      steps));
      case IntOrRatio.Ratio(double ratio) -> {
        String percent = PythonText.repr(ratio * 100).replaceFirst("\\.0$", "") + " % of all steps";
        yield effective(
            total > 0 ? (int) (ratio * total) + " steps (" + percent + ")" : percent, "");
      }
    };
  }

  private Finding noise(String name) {
    String sampling = flags.text("timestep_sampling", "sigmoid");
    String weighting = flags.text("weighting_scheme", "uniform");
    boolean sigma = sampling.equals("sigma");
    return switch (name) {
      case "discrete_flow_shift" ->
          only(
              sigma || sampling.equals("shift"),
              "only --timestep_sampling shift and sigma are shifted, this is " + sampling);
      case "sigmoid_scale" ->
          only(
              Set.of("sigmoid", "shift", "flux_shift").contains(sampling),
              "--timestep_sampling %s has no sigmoid".formatted(sampling));
      case "weighting_scheme" ->
          only(
              sigma || !Set.of("logit_normal", "mode").contains(weighting),
              "%s is a density of --timestep_sampling sigma, this is %s"
                  .formatted(weighting, sampling));
      case "logit_mean", "logit_std" ->
          only(
              sigma && weighting.equals("logit_normal"),
              "it needs --timestep_sampling sigma and --weighting_scheme logit_normal");
      case "mode_scale" ->
          only(
              sigma && weighting.equals("mode"),
              "it needs --timestep_sampling sigma and --weighting_scheme mode");
      case "apply_timestep_range" ->
          only(
              flags.isSet("min_timestep") || flags.isSet("max_timestep"),
              "there is no --min_timestep and no --max_timestep");
      case "apply_noise_options" ->
          only(
              flags.maybeNumber("noise_offset").orElse(0) != 0
                  || flags.maybeInteger("multires_noise_iterations").orElse(0) > 0,
              "there is no --noise_offset and no --multires_noise_iterations");
      case "bf16_rounding" ->
          only(flags.on("full_bf16"), "only weights of --full_bf16 are rounded");
      case "show_timesteps" -> effective("", "the distribution is shown and nothing is trained");
      case "show_timesteps_resolution" ->
          only(flags.isSet("show_timesteps"), "there is no --show_timesteps");
      case "ip_noise_gamma_random_strength" ->
          only(flags.isSet("ip_noise_gamma"), "there is no --ip_noise_gamma");
      default -> PLAIN;
    };
  }

  private static Finding onlyWith(String scheduler, String... schedulers) {
    return only(
        List.of(schedulers).contains(scheduler),
        "only --lr_scheduler %s has it, this is %s"
            .formatted(String.join(", ", schedulers), scheduler));
  }

  private static Finding only(boolean active, String otherwise) {
    return active ? PLAIN : ignored(otherwise);
  }
}
