package dev.anima.lora;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix;
import dev.anima.model.WeightEdit;
import dev.anima.model.change.Magnitude;

/// Gives DoRA's column lengths their first values, `|W + s ΔW|`, while the base model loads: a
/// [WeightEdit] that changes nothing. The gain is 1 then, so that training starts at the model (or
/// at the LoRA that `--network_weights` named).
public final class DoraStart {
  private DoraStart() {}

  /// @param set with its other weights
  /// @param before what is done to the weights first, such as merging `--base_weights`
  public static WeightEdit measuring(LoraSet set, Network network, WeightEdit before) {
    return isNeeded(set, network)
        ? (path, weight) -> {
          Tensor edited = before.apply(path, weight);
          measure(set, network, path, edited);
          return edited;
        }
        : before;
  }

  /// Whether a module of the network waits for its first lengths.
  public static boolean isNeeded(LoraSet set, Network network) {
    return set.modules().stream()
        .anyMatch(adapter ->
            adapter.module().network() == network
                && adapter.module().decomposed()
                && !adapter.lengthsKnown());
  }

  private static void measure(LoraSet set, Network network, String path, Tensor weight) {
    LoraAdapter adapter = set.module(network, path);
    Magnitude magnitude = adapter == null ? null : adapter.magnitude();
    if (adapter == null || magnitude == null || adapter.lengthsKnown()) {
      return;
    }
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      magnitude.lengths().value().copy_(magnitude.columnLengths(new FrozenMatrix.Dense(weight)));
      adapter.markLengthsKnown();
    }
  }
}
