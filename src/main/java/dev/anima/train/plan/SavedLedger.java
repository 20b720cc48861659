package dev.anima.train.plan;

import dev.anima.model.block.Activation;
import dev.anima.model.block.BlockLinear;
import dev.anima.model.block.SavePolicy;
import dev.anima.train.plan.Ledger.Held;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/// Follows [dev.anima.model.block.Activations]: what one block keeps between forward and backward.
final class SavedLedger {
  final SavePolicy policy;
  private final Map<Activation, Held> tensors = new EnumMap<>(Activation.class);

  /// Rank activations `u` and masks of the adapters.
  private final Map<BlockLinear, Held> products = new HashMap<>();

  private final Map<BlockLinear, Held> masks = new HashMap<>();
  private SavePolicy kept;

  SavedLedger(SavePolicy policy) {
    this.policy = policy;
    this.kept = policy;
  }

  boolean has(Activation activation) {
    return tensors.containsKey(activation);
  }

  void put(Activation activation, Held tensor) {
    tensors.put(activation, tensor);
  }

  void done(Activation... dead) {
    for (Activation activation : dead) {
      if (!kept.keeps(activation)) {
        free(activation);
      }
    }
  }

  void free(Activation... dead) {
    for (Activation activation : dead) {
      Held tensor = tensors.remove(activation);
      if (tensor != null && activation != Activation.MODULATION) { // a view of all blocks'
        tensor.close();
      }
    }
  }

  /// Whether the adapter of `linear` has drawn its mask already.
  boolean drew(BlockLinear linear) {
    return masks.containsKey(linear);
  }

  void mask(BlockLinear linear, Held mask) {
    masks.put(linear, mask.retain());
  }

  boolean hasProduct(BlockLinear linear) {
    return products.containsKey(linear);
  }

  void product(BlockLinear linear, Held product) {
    products.put(linear, product.retain());
  }

  /// @param onHost whether the device has a host beside it, to which the input may go
  void settle(boolean onHost) {
    done(Activation.values());
    if (policy == SavePolicy.INPUT_ON_HOST && onHost) {
      free(Activation.INPUT);
    }
    tensors.values().forEach(Held::retain);
    if (!policy.keepsRankUnits()) {
      products.values().forEach(Held::close);
      products.clear();
    }
  }

  void reopen() {
    kept = policy == SavePolicy.EVERYTHING ? policy : SavePolicy.UNITS_13;
  }

  void close() {
    free(Activation.values());
    masks.values().forEach(Held::close);
    products.values().forEach(Held::close);
    masks.clear();
    products.clear();
  }
}
