package dev.anima.lora;

import dev.anima.io.InputException;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/// What kind of LoRA a run trains.
///
/// @param rank `--network_dim`, 4 when absent
/// @param networkAlpha `--network_alpha` as typed; absent means 1, and 0 means the rank
/// @param dropouts active in training only
/// @param args `--network_args`
public record LoraSpec(int rank, OptionalDouble networkAlpha, Dropouts dropouts, NetworkArgs args) {
  public LoraSpec {
    if (rank < 1) {
      throw new InputException("--network_dim=" + rank + ": expected a rank of at least 1");
    }
    if (!Double.isFinite(networkAlpha.orElse(1))) {
      throw new InputException("--network_alpha: expected a finite number");
    }
  }

  /// @param networkDim `--network_dim`
  /// @param networkDropout `--network_dropout`
  public static LoraSpec of(
      OptionalInt networkDim,
      OptionalDouble networkAlpha,
      OptionalDouble networkDropout,
      NetworkArgs args) {
    return new LoraSpec(
        networkDim.orElse(4),
        networkAlpha,
        new Dropouts(networkDropout, args.rankDropout(), args.moduleDropout()),
        args);
  }

  /// Alpha of a module of this rank.
  public double alpha(int moduleRank) {
    double alpha = networkAlpha.orElse(1);
    return alpha == 0 ? moduleRank : alpha;
  }

  /// Whether the reference would hold (and without `--save_precision` save) alpha as an integer.
  public boolean integerAlpha() {
    return networkAlpha.isEmpty() || networkAlpha.getAsDouble() == 0;
  }
}
