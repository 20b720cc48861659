package dev.anima.config;

import static dev.anima.config.Checks.check;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/// The LoRA to train.
///
/// @param kind `--network_module`
/// @param dim `--network_dim`; empty means 4 (see [#rank])
/// @param alpha `--network_alpha` if given; empty means 1, 0 means the rank (see [#alphaValue])
/// @param dropout share of rank activations dropped while training
/// @param arguments `--network_args` as typed, `key=value` each
/// @param weights LoRA file to start from
/// @param dimFromWeights take rank, alpha and modules from `weights`
/// @param base LoRA files merged into the base model first
/// @param trained which networks get a LoRA
/// @param maxNorm `--scale_weight_norms`; empty means off
public record NetworkConfig(
    NetworkKind kind,
    OptionalInt dim,
    OptionalDouble alpha,
    OptionalDouble dropout,
    List<String> arguments,
    Optional<Path> weights,
    boolean dimFromWeights,
    List<BaseWeights> base,
    Trained trained,
    OptionalDouble maxNorm) {

  /// A LoRA file and its strength.
  public record BaseWeights(Path file, double multiplier) {}

  /// Which networks get a LoRA.
  public enum Trained {
    DIT_AND_TEXT_ENCODER,
    DIT,
    TEXT_ENCODER
  }

  public NetworkConfig {
    arguments = List.copyOf(arguments);
    base = List.copyOf(base);
    Checks.atLeastOne("network_dim", dim);
    alpha.ifPresent(value -> check(Double.isFinite(value), "--network_alpha must be finite"));
    alpha.ifPresent(value -> Checks.notNegative("network_alpha", value));
    dropout.ifPresent(value -> Checks.share("network_dropout", value));
    maxNorm.ifPresent(value -> Checks.positive("scale_weight_norms", value));
    check(
        !dimFromWeights || weights.isPresent(),
        "--dim_from_weights needs --network_weights, the file to take the rank from");
    argumentMap(arguments);
  }

  public int rank() {
    return dim.orElse(4);
  }

  /// Alpha of a module of full rank.
  public double alphaValue() {
    double given = alpha.orElse(1);
    return given == 0 ? rank() : given;
  }

  /// Factor applied to `up(down(x))`; 1.0 when alpha equals the rank.
  public double scale() {
    return alphaValue() / rank();
  }

  /// `--network_args` split at the first `=`, in order; of equal keys the last one counts.
  public Map<String, String> args() {
    return argumentMap(arguments);
  }

  private static Map<String, String> argumentMap(List<String> arguments) {
    Map<String, String> map = new LinkedHashMap<>();
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      check(equals > 0, "--network_args: expected key=value, got \"%s\"".formatted(argument));
      map.put(argument.substring(0, equals), argument.substring(equals + 1));
    }
    return map;
  }

  static NetworkConfig of(Flags flags, Path workingDir) {
    double maxNorm = flags.maybeNumber("scale_weight_norms").orElse(0);
    return new NetworkConfig(
        NetworkKind.of(flags.text("network_module", NetworkKind.LORA.module())),
        flags.maybeInteger("network_dim"),
        flags.source("network_alpha") == FlagValue.Source.DEFAULT
            ? OptionalDouble.empty()
            : flags.maybeNumber("network_alpha"),
        flags.maybeNumber("network_dropout"),
        flags.texts("network_args"),
        flags
            .path("network_weights")
            .map(path -> Checks.existing("network_weights", workingDir, path.toString())),
        flags.on("dim_from_weights"),
        base(flags, workingDir),
        trained(flags),
        maxNorm == 0 ? OptionalDouble.empty() : OptionalDouble.of(maxNorm));
  }

  private static List<BaseWeights> base(Flags flags, Path workingDir) {
    List<String> files = flags.texts("base_weights");
    List<Double> multipliers = flags.numbers("base_weights_multiplier");
    check(
        multipliers.size() <= files.size(),
        "--base_weights_multiplier: %d numbers for %d files of --base_weights"
            .formatted(multipliers.size(), files.size()));
    List<BaseWeights> base = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      base.add(
          new BaseWeights(
              Checks.existing("base_weights", workingDir, files.get(i)),
              i < multipliers.size() ? multipliers.get(i) : 1.0));
    }
    return base;
  }

  private static Trained trained(Flags flags) {
    boolean dit = flags.on("network_train_unet_only");
    boolean text = flags.on("network_train_text_encoder_only");
    if (dit) {
      return Trained.DIT;
    }
    return text ? Trained.TEXT_ENCODER : Trained.DIT_AND_TEXT_ENCODER;
  }
}
