package dev.anima.config;

import static dev.anima.config.Checks.check;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/// Optimizer and learning rates as the flags give them.
///
/// @param type `--optimizer_type` as typed, `AdamW` when none was; any case
/// @param args `--optimizer_args` as Python literals, in order
/// @param learningRate rate of every group without its own
/// @param unetRate own rate of the DiT LoRA; 0 freezes it
/// @param textEncoderRate own rate of the Qwen3 LoRA; 0 freezes it
/// @param maxGradNorm clip to this norm; 0 means off
/// @param rounding of bf16 weights
public record OptimizerFlags(
    String type,
    Map<String, @Nullable Object> args,
    double learningRate,
    OptionalDouble unetRate,
    OptionalDouble textEncoderRate,
    double maxGradNorm,
    Rounding rounding) {

  /// `--bf16_rounding`: how weights of `--full_bf16` take updates.
  public enum Rounding {
    NEAREST,
    STOCHASTIC,
    KAHAN
  }

  public OptimizerFlags {
    args = Collections.unmodifiableMap(new LinkedHashMap<>(args));
    Checks.notNegative("learning_rate", learningRate);
    check(Double.isFinite(learningRate), "--learning_rate must be finite");
    unetRate.ifPresent(rate -> Checks.notNegative("unet_lr", rate));
    textEncoderRate.ifPresent(rate -> Checks.notNegative("text_encoder_lr", rate));
    Checks.notNegative("max_grad_norm", maxGradNorm);
  }

  static OptimizerFlags of(Flags flags) {
    List<Double> text = flags.numbers("text_encoder_lr");
    return new OptimizerFlags(
        type(flags),
        KeywordLiterals.parse("optimizer_args", flags.texts("optimizer_args")),
        flags.number("learning_rate"),
        flags.maybeNumber("unet_lr"),
        text.isEmpty() ? OptionalDouble.empty() : OptionalDouble.of(text.getFirst()),
        flags.number("max_grad_norm"),
        Checks.choice(Rounding.values(), Checks::lower, flags.text("bf16_rounding", "nearest")));
  }

  private static String type(Flags flags) {
    if (flags.on("use_8bit_adam")) {
      return "AdamW8bit";
    }
    return flags.on("use_lion_optimizer") ? "Lion" : flags.text("optimizer_type", "AdamW");
  }
}
