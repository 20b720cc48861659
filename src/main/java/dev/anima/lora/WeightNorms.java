package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/// `--scale_weight_norms`: after every iteration no module's weight change may be longer than a
/// limit.
public final class WeightNorms {
  private WeightNorms() {}

  /// What the reference logs: modules scaled, and mean and largest norm afterwards.
  public record Report(int scaled, double mean, double max) {}

  /// Shrinks every module whose norm of `alpha / rank * ΔW` exceeds `limit`, all matrices of the
  /// change by the same factor. Waits for the device once.
  ///
  /// The reference does so for LoRA; for LoHa and LoKr it switches the flag off.
  public static Report limit(LoraSet set, double limit) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      double[] squares = squaredNorms(set);
      int scaled = 0;
      double sum = 0;
      double largest = 0;
      for (int i = 0; i < squares.length; i++) {
        LoraAdapter adapter = set.modules().get(i);
        double scale = adapter.module().scale(adapter.alpha());
        double norm = Math.abs(scale) * Math.sqrt(Math.max(0, squares[i]));
        double ratio = norm > limit ? limit / norm : 1;
        if (ratio != 1) {
          scaled++;
          shrink(adapter, ratio);
        }
        sum += norm * ratio;
        largest = Math.max(largest, norm * ratio);
      }
      return new Report(scaled, squares.length == 0 ? 0 : sum / squares.length, largest);
    }
  }

  /// Every matrix of the change by the same factor, so that their product shrinks by `ratio`.
  private static void shrink(LoraAdapter adapter, double ratio) {
    List<LoraParameter> factors =
        adapter.module().parameters().stream()
            .filter(parameter -> parameter.part() != LoraPart.MAGNITUDE)
            .toList();
    double each = factors.size() == 2 ? Math.sqrt(ratio) : Math.pow(ratio, 1.0 / factors.size());
    factors.forEach(parameter -> adapter.weight(parameter.part()).mul_(each));
  }

  private static double[] squaredNorms(LoraSet set) {
    if (set.modules().isEmpty()) {
      return new double[0];
    }
    // The sum's terms may cancel, so in double where the device has it (Apple's has not).
    boolean single = set.weights().device().kind() == Device.Kind.MPS;
    Dtype dtype = single ? Dtype.F32 : Dtype.F64;
    List<Tensor> squares = new ArrayList<>();
    for (LoraAdapter adapter : set.modules()) {
      squares.add(Scope.keep(() -> adapter.change().squaredNorm(dtype)));
    }
    return Ops.stack(squares, 0).toDoubles();
  }
}
