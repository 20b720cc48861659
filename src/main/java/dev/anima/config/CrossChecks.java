package dev.anima.config;

import dev.anima.config.Flag.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Flags that contradict each other or cannot be honoured at all, found before anything is loaded.
final class CrossChecks {
  /// A contradiction.
  ///
  /// @param flag the flag to blame, without dashes
  record Conflict(String flag, String message) {}

  private final Flags flags;
  private final List<Conflict> found = new ArrayList<>();

  private CrossChecks(Flags flags) {
    this.flags = flags;
  }

  static List<Conflict> of(Flags flags) {
    CrossChecks checks = new CrossChecks(flags);
    checks.rejected();
    checks.network();
    checks.schedule();
    checks.noise();
    checks.loading();
    return checks.found;
  }

  private void conflict(boolean there, String flag, String message) {
    if (there) {
      found.add(new Conflict(flag, message));
    }
  }

  private boolean on(String name) {
    return flags.on(name);
  }

  private void rejected() {
    for (FlagValue value : flags.set()) {
      Flag flag = value.flag();
      conflict(
          flag.status() == Status.REJECTED && !Boolean.FALSE.equals(value.value()),
          flag.name(),
          "%s cannot be used: %s".formatted(flag.dashed(), flag.reason()));
    }
  }

  private void network() {
    conflict(
        on("network_train_unet_only") && on("network_train_text_encoder_only"),
        "network_train_text_encoder_only",
        "--network_train_unet_only and --network_train_text_encoder_only together leave nothing to train\n"
            + "  -> drop one of them");
    for (String cache :
        List.of("cache_text_encoder_outputs", "cache_text_encoder_outputs_to_disk")) {
      conflict(
          on(cache) && !on("network_train_unet_only"),
          cache,
          "--%s needs --network_train_unet_only: a trained text encoder changes its outputs"
              .formatted(cache));
    }
    String optimizer = flags.text("optimizer_type", "");
    for (String shortcut : List.of("use_8bit_adam", "use_lion_optimizer")) {
      conflict(
          on(shortcut) && !optimizer.isEmpty(),
          shortcut,
          "--%s and --optimizer_type=%s exclude each other\n  -> drop one of them"
              .formatted(shortcut, optimizer));
    }
    conflict(
        on("use_8bit_adam") && on("use_lion_optimizer"),
        "use_8bit_adam",
        "--use_8bit_adam and --use_lion_optimizer exclude each other\n  -> drop one of them");
  }

  private void schedule() {
    String name = flags.text("lr_scheduler", "constant");
    String type = flags.text("lr_scheduler_type", "");
    IntOrRatio warmup = flags.intOrRatio("lr_warmup_steps");
    boolean warms = warmup.number().doubleValue() != 0;
    boolean scheduleFree =
        flags.text("optimizer_type", "").toLowerCase(Locale.ROOT).endsWith("schedulefree");
    conflict(
        warms && type.isEmpty() && name.equals("constant") && !scheduleFree,
        "lr_warmup_steps",
        "--lr_warmup_steps=%s cannot be used with --lr_scheduler=constant\n  -> use --lr_scheduler=constant_with_warmup"
            .formatted(warmup.pythonText()));
    conflict(
        warms && !type.isEmpty(),
        "lr_warmup_steps",
        "--lr_warmup_steps cannot be used with --lr_scheduler_type\n  -> drop one of them");
  }

  private void noise() {
    conflict(
        flags.isSet("adaptive_noise_scale") && !flags.isSet("noise_offset"),
        "adaptive_noise_scale",
        "--adaptive_noise_scale needs --noise_offset (neither has an effect on Anima)\n  -> drop the flag");
    conflict(
        on("scale_v_pred_loss_like_noise_pred") && !on("v_parameterization"),
        "scale_v_pred_loss_like_noise_pred",
        "--scale_v_pred_loss_like_noise_pred needs --v_parameterization (neither has an effect on Anima)\n"
            + "  -> drop the flag");
    conflict(
        flags.isSet("v_pred_like_loss") && on("v_parameterization"),
        "v_pred_like_loss",
        "--v_pred_like_loss excludes --v_parameterization (neither has an effect on Anima)\n"
            + "  -> drop both");
  }

  private void loading() {
    conflict(
        on("persistent_data_loader_workers") && flags.integer("max_data_loader_n_workers") == 0,
        "persistent_data_loader_workers",
        "--persistent_data_loader_workers needs --max_data_loader_n_workers above 0\n"
            + "  -> drop the flag");
    int step = flags.maybeInteger("initial_step").orElse(0);
    conflict(
        flags.maybeInteger("max_train_epochs").isEmpty()
            && step > 0
            && step >= flags.integer("max_train_steps"),
        "initial_step",
        "--initial_step=%d must be below --max_train_steps=%d"
            .formatted(step, flags.integer("max_train_steps")));
  }
}
