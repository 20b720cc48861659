package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.lora.FlatLayout.Slice;
import dev.anima.model.Adapters;
import dev.anima.model.Linear;
import dev.anima.model.change.Factor;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The LoRA of one run: all modules of both networks over one flat buffer of weights and one of
/// gradients. Several sets can stand side by side on one base model; they share nothing.
///
/// Gradients arrive in [#gradients] by `backward` (summed over micro-batches) or from a
/// hand-written backward through [LoraAdapter#gradient]; [#clearGradients] starts a new step. All
/// calls of a run belong on one thread.
public final class LoraSet implements AutoCloseable {
  private final FlatLayout layout;
  private final Dropouts dropouts;
  private final Tensor weights;
  private final Tensor gradients;
  private final List<LoraAdapter> modules;
  private final Map<Network, Map<String, LoraAdapter>> byPath = new HashMap<>();
  private final List<Tensor> owned = new ArrayList<>();

  /// All weights are 0 at first: see [LoraInit] and [NetworkWeights].
  ///
  /// @param trained the modules, in creation order
  /// @param groups what is trained; modules in no group are applied but frozen
  /// @param dtype of weights and gradients: float32, unless `--full_bf16` or `--full_fp16`
  public LoraSet(
      List<LoraModule> trained,
      List<ParameterGroup> groups,
      Dropouts dropouts,
      Device device,
      Dtype dtype) {
    this.layout = FlatLayout.of(trained, groups);
    this.dropouts = dropouts;
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      this.weights = own(Ops.zeros(dtype, device, layout.elements()));
      this.gradients = own(Ops.zeros(dtype, device, layout.trainable()));
      Map<LoraParameter, Tensor> leaves = new HashMap<>();
      Map<LoraParameter, Tensor> sums = new HashMap<>();
      for (FlatLayout.Group group : layout.groups()) {
        for (Slice slice : group.slices()) {
          Tensor sum = own(matrix(gradients, slice));
          sums.put(slice.parameter(), sum);
          leaves.put(slice.parameter(), leaf(slice).requiresGrad_(true).gradientInto_(sum));
        }
      }
      layout.frozen().forEach(slice -> leaves.put(slice.parameter(), leaf(slice)));
      this.modules = trained.stream().map(module -> adapter(module, leaves, sums)).toList();
    }
    for (LoraAdapter adapter : modules) {
      byPath
          .computeIfAbsent(adapter.module().network(), _ -> new LinkedHashMap<>())
          .put(adapter.module().path(), adapter);
    }
  }

  /// A set that is only applied: nothing is trainable, there are no gradients.
  public static LoraSet frozen(List<LoraModule> modules, Device device, Dtype dtype) {
    return new LoraSet(modules, List.of(), Dropouts.NONE, device, dtype);
  }

  private static LoraAdapter adapter(
      LoraModule module, Map<LoraParameter, Tensor> leaves, Map<LoraParameter, Tensor> sums) {
    Map<LoraPart, Factor> factors = new EnumMap<>(LoraPart.class);
    for (LoraParameter parameter : module.parameters()) {
      factors.put(parameter.part(), new Factor(leaf(leaves, parameter), sums.get(parameter)));
    }
    return new LoraAdapter(module, factors);
  }

  private static Tensor leaf(Map<LoraParameter, Tensor> leaves, LoraParameter parameter) {
    Tensor leaf = leaves.get(parameter);
    if (leaf == null) {
      throw new IllegalStateException(parameter.name() + " has no place in the layout");
    }
    return leaf;
  }

  private Tensor leaf(Slice slice) {
    return own(matrix(weights, slice).detach());
  }

  private static Tensor matrix(Tensor flat, Slice slice) {
    return flat.narrow(0, slice.offset(), slice.length())
        .view(slice.parameter().rows(), slice.parameter().columns());
  }

  private Tensor own(Tensor tensor) {
    owned.add(tensor.retain());
    return tensor;
  }

  /// Hook for a training forward of one network, with the dropouts.
  public Adapters training(Network network, LoraDraws draws) {
    return new Hook(
        adapters(network),
        (adapter, layer, input, output) -> adapter.train(layer, input, output, dropouts, draws));
  }

  /// Hook for validation and sampling: no dropout, no draw.
  ///
  /// @param strength multiplier on every module, 1 for as trained
  public Adapters evaluating(Network network, double strength) {
    return new Hook(
        adapters(network),
        (adapter, layer, input, output) -> adapter.evaluate(layer, input, output, strength));
  }

  @FunctionalInterface
  private interface Forward {
    Tensor through(LoraAdapter adapter, @Nullable Linear layer, Tensor input, Tensor output);
  }

  /// The modules of one network beside its layers.
  private record Hook(Map<String, LoraAdapter> adapters, Forward forward) implements Adapters {
    @Override
    public Tensor apply(String path, Tensor input, Tensor output) {
      return apply(path, null, input, output);
    }

    @Override
    public Tensor apply(Linear layer, Tensor input, Tensor output) {
      return apply(layer.module(), layer, input, output);
    }

    private Tensor apply(String path, @Nullable Linear layer, Tensor input, Tensor output) {
      LoraAdapter adapter = adapters.get(path);
      return adapter == null ? output : forward.through(adapter, layer, input, output);
    }
  }

  private Map<String, LoraAdapter> adapters(Network network) {
    return byPath.getOrDefault(network, Map.of());
  }

  /// All modules in creation order.
  public List<LoraAdapter> modules() {
    return modules;
  }

  /// The module on one layer, or null.
  public @Nullable LoraAdapter module(Network network, String path) {
    return adapters(network).get(path);
  }

  public FlatLayout layout() {
    return layout;
  }

  public Dropouts dropouts() {
    return dropouts;
  }

  /// All weights, `(layout.elements)`. Changing it changes the modules.
  public Tensor weights() {
    return weights;
  }

  /// Sums of the gradients, `(layout.trainable)`, in the order of the weights.
  public Tensor gradients() {
    return gradients;
  }

  /// Whether this parameter has a gradient in this step; if not, its slice of [#gradients] is 0 and
  /// the optimizer must leave parameter and state alone.
  public boolean hasGradient(LoraParameter parameter) {
    LoraAdapter adapter = module(parameter.module().network(), parameter.module().path());
    return adapter != null && adapter.gradient(parameter.part()) != null && adapter.tookPart();
  }

  /// Starts a new step.
  public void clearGradients() {
    gradients.zero_();
    modules.forEach(LoraAdapter::clearTookPart);
  }

  @Override
  public void close() {
    owned.forEach(Tensor::close);
  }
}
