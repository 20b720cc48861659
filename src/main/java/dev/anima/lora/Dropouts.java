package dev.anima.lora;

import dev.anima.io.InputException;
import java.util.OptionalDouble;

/// The three ways a LoRA module drops things while training. Absent and 0 differ: with 0 the
/// reference still draws its random numbers (except for `element`).
///
/// @param element `--network_dropout`: single rank activations, the others scaled by 1/(1-p)
/// @param rank `rank_dropout`: whole rank units of a sample, through the scale
/// @param module `module_dropout`: the whole module for one call
public record Dropouts(OptionalDouble element, OptionalDouble rank, OptionalDouble module) {
  public static final Dropouts NONE =
      new Dropouts(OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty());

  public Dropouts {
    check("--network_dropout", element, element.orElse(0) <= 1, "0 to 1");
    check("--network_args rank_dropout", rank, rank.orElse(0) < 1, "0 to below 1");
    check("--network_args module_dropout", module, module.orElse(0) <= 1, "0 to 1");
  }

  private static void check(String flag, OptionalDouble value, boolean smallEnough, String range) {
    if (value.isPresent() && !(value.getAsDouble() >= 0 && smallEnough)) {
      throw new InputException(
          flag + "=" + value.getAsDouble() + ": expected a probability from " + range);
    }
  }
}
