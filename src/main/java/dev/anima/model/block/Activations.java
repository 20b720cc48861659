package dev.anima.model.block;

import dev.anima.engine.Device;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// The activations of one block in one step: filled by forward, thinned out by the policy,
/// completed again and used up by backward.
///
/// Owns what it keeps between the two passes. During a pass its tensors belong to the pass's scope,
/// but are freed as soon as they are dead.
public final class Activations implements AutoCloseable {
  private final SavePolicy policy;
  private final Map<Activation, Tensor> tensors = new EnumMap<>(Activation.class);
  private final Map<BlockLinear, List<LinearAdapter.Saved>> adapters =
      new EnumMap<>(BlockLinear.class);

  /// What [#done] leaves alone.
  private SavePolicy kept;

  public Activations(SavePolicy policy) {
    this.policy = policy;
    this.kept = policy;
  }

  public SavePolicy policy() {
    return policy;
  }

  boolean has(Activation activation) {
    return tensors.containsKey(activation);
  }

  Tensor get(Activation activation) {
    Tensor tensor = tensors.get(activation);
    if (tensor == null) {
      throw new IllegalStateException(activation + " is not there");
    }
    return tensor;
  }

  Tensor put(Activation activation, Tensor tensor) {
    tensors.put(activation, tensor);
    return tensor;
  }

  /// Frees what forward (or a recomputed forward) will not read again, unless it is to be kept.
  void done(Activation... dead) {
    for (Activation activation : dead) {
      if (!kept.keeps(activation)) {
        free(activation);
      }
    }
  }

  /// Frees what backward will not read again.
  void free(Activation... dead) {
    for (Activation activation : dead) {
      Tensor tensor = tensors.remove(activation);
      if (tensor != null) {
        tensor.close();
      }
    }
  }

  /// What the adapters of a layer drew and keep; empty before their first forward.
  List<LinearAdapter.Saved> adapters(BlockLinear linear) {
    return adapters.computeIfAbsent(linear, _ -> new ArrayList<>());
  }

  /// End of forward: takes what the policy keeps out of the scope, drops the rest.
  void settle() {
    for (Activation activation : Activation.values()) {
      done(activation);
    }
    if (policy == SavePolicy.INPUT_ON_HOST) {
      tensors.computeIfPresent(Activation.INPUT, (_, input) -> input.toHost());
    }
    tensors.values().forEach(Tensor::retain);
    adapters.values().stream()
        .flatMap(Collection::stream)
        .filter(_ -> !policy.keepsRankUnits())
        .forEach(LinearAdapter.Saved::shrink);
  }

  /// Start of backward: brings the input back to its device. From here on the results of large
  /// products stay until they are freed, whatever the policy, and the cheap ones come and go.
  void reopen(Device device) {
    kept = policy == SavePolicy.EVERYTHING ? policy : SavePolicy.UNITS_13;
    Tensor input = get(Activation.INPUT);
    if (!input.device().equals(device)) {
      tensors.put(Activation.INPUT, input.toLater(device));
      input.close();
    }
  }

  /// Bytes held, in both kinds of memory.
  public long bytes() {
    long adapterBytes =
        adapters.values().stream()
            .flatMap(Collection::stream)
            .mapToLong(LinearAdapter.Saved::bytes)
            .sum();
    return adapterBytes + tensors.values().stream().mapToLong(Tensor::bytes).sum();
  }

  @Override
  public void close() {
    free(Activation.values());
    adapters.values().stream().flatMap(Collection::stream).forEach(LinearAdapter.Saved::close);
    adapters.clear();
  }
}
