package dev.anima.lora;

import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.model.change.Magnitude;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// `--base_weights`: LoRA files that become part of the base model before training. The new LoRA
/// does not contain them.
public final class BaseWeights implements AutoCloseable {
  /// One file and how strongly it is merged.
  private record Part(LoraFile file, double multiplier) {}

  private final List<Part> parts = new ArrayList<>();

  private BaseWeights() {}

  /// @param multipliers `--base_weights_multiplier`, one per file; missing ones are 1
  /// @throws InputException if a file cannot be read, fits none of the layers, or has other widths
  public static BaseWeights open(
      List<Path> files, List<Double> multipliers, LoraPlan.Layers layers) {
    if (multipliers.size() > files.size()) {
      throw new InputException(
          "--base_weights_multiplier names %d factors for the %d files of --base_weights"
              .formatted(multipliers.size(), files.size()));
    }
    LoraKeys keys = LoraKeys.of(layers);
    BaseWeights base = new BaseWeights();
    try {
      for (int i = 0; i < files.size(); i++) {
        LoraFile file = LoraFile.open(files.get(i), keys);
        base.parts.add(new Part(file, i < multipliers.size() ? multipliers.get(i) : 1));
        NetworkWeights.checkFits(file, layers);
      }
      return base;
    } catch (RuntimeException e) {
      base.close();
      throw e;
    }
  }

  /// The layer's weight with every file's change added: `W + multiplier * ΔW * alpha / rank`,
  /// computed in float32 and rounded to the weight's dtype once per file. A DoRA is added as `W +
  /// multiplier * (W' - W)` with `W'` the weight it was trained to be.
  ///
  /// @param weight `(out, in)`; not changed
  /// @return `weight` itself where no file touches the layer, else a new tensor in the caller's
  ///   scope
  public Tensor merge(Network network, String path, Tensor weight) {
    Tensor merged = weight;
    for (Part part : parts) {
      LoraFile.Module module = part.file().module(network, path);
      if (module != null) {
        Tensor before = merged;
        merged = Scope.keep(() -> merge(part, module, before));
      }
    }
    return merged;
  }

  private static Tensor merge(Part part, LoraFile.Module module, Tensor weight) {
    try (NoGrad _ = new NoGrad()) {
      Tensor wide = weight.to(Dtype.F32);
      Tensor change = part.file().change(module, weight.device()).dense();
      Tensor merged =
          switch (module.lengths()) {
            case NONE -> wide.add(change.mul(part.multiplier()).mul(module.scale()));
            case COLUMNS ->
                wide.lerp(decomposed(part.file(), module, wide, change, 0), part.multiplier());
            case ROWS ->
                wide.lerp(decomposed(part.file(), module, wide, change, 1), part.multiplier());
          };
      return merged.to(weight.dtype());
    }
  }

  /// `(W + s ΔW)` with its columns (`dim` 0) or rows (1) at the trained lengths.
  private static Tensor decomposed(
      LoraFile file, LoraFile.Module module, Tensor weight, Tensor change, long dim) {
    Tensor changed = weight.add(change, module.scale());
    Tensor lengths = file.tensor(module, LoraPart.MAGNITUDE, weight.device());
    return changed.mul(lengths.div(changed.norm(true, dim).clampMin(Magnitude.SMALLEST)));
  }

  @Override
  public void close() {
    parts.forEach(part -> part.file().close());
  }
}
