package dev.anima.lora;

import dev.anima.config.NetworkKind;
import dev.anima.io.InputException;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/// What a run trains beside each layer.
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
  /// @param networkDropout `--network_dropout`; LoHa and LoKr have no use for it
  public static LoraSpec of(
      OptionalInt networkDim,
      OptionalDouble networkAlpha,
      OptionalDouble networkDropout,
      NetworkArgs args) {
    return new LoraSpec(
        networkDim.orElse(4),
        networkAlpha,
        new Dropouts(
            args.kind() == NetworkKind.LORA ? networkDropout : OptionalDouble.empty(),
            args.rankDropout(),
            args.moduleDropout()),
        args);
  }

  /// The module of one layer.
  ///
  /// @param moduleRank at least 1
  LoraModule module(Network network, LinearModule layer, int moduleRank) {
    LoraForm form =
        switch (args.kind()) {
          case LORA -> new LoraForm.LowRank();
          case LOHA -> new LoraForm.Hadamard();
          case LOKR -> LoraForm.Kronecker.of(layer, moduleRank, args.factor());
        };
    double alpha = form.isScaled() ? alpha(layer.path(), moduleRank) : moduleRank;
    return new LoraModule(network, layer, moduleRank, alpha, form, args.decomposed());
  }

  private double alpha(String path, int moduleRank) {
    double own =
        args.alphas().stream()
            .filter(rule -> rule.layers().fullMatch(path))
            .mapToDouble(NetworkArgs.AlphaRule::alpha)
            .findFirst()
            .orElse(networkAlpha.orElse(1));
    return own == 0 ? moduleRank : own;
  }

  /// Alpha of a module of this rank without a rule of its own.
  public double alpha(int moduleRank) {
    double alpha = networkAlpha.orElse(1);
    return alpha == 0 ? moduleRank : alpha;
  }

  /// Whether the reference would hold (and without `--save_precision` save) alpha as an integer.
  public boolean integerAlpha() {
    return networkAlpha.isEmpty() || networkAlpha.getAsDouble() == 0;
  }
}
