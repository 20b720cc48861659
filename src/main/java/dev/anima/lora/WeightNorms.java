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

  /// Shrinks every module whose norm of `alpha / rank * up down` exceeds `limit`, up and down by
  /// the same factor. Waits for the device once.
  public static Report limit(LoraSet set, double limit) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      double[] squares = squaredNorms(set);
      int scaled = 0;
      double sum = 0;
      double largest = 0;
      for (int i = 0; i < squares.length; i++) {
        LoraAdapter adapter = set.modules().get(i);
        double scale = adapter.alpha() / adapter.module().rank();
        double norm = Math.abs(scale) * Math.sqrt(Math.max(0, squares[i]));
        double ratio = norm > limit ? limit / norm : 1;
        if (ratio != 1) {
          scaled++;
          adapter.down().mul_(Math.sqrt(ratio));
          adapter.up().mul_(Math.sqrt(ratio));
        }
        sum += norm * ratio;
        largest = Math.max(largest, norm * ratio);
      }
      return new Report(scaled, squares.length == 0 ? 0 : sum / squares.length, largest);
    }
  }

  /// `|BA|^2 = tr((B^T B)(A A^T))` for each module: two rank x rank products instead of the whole
  /// out x in matrix.
  private static double[] squaredNorms(LoraSet set) {
    if (set.modules().isEmpty()) {
      return new double[0];
    }
    // The trace's terms may cancel, so in double where the device has it (Apple's has not).
    boolean single = set.weights().device().kind() == Device.Kind.MPS;
    Dtype dtype = single ? Dtype.F32 : Dtype.F64;
    List<Tensor> squares = new ArrayList<>();
    for (LoraAdapter adapter : set.modules()) {
      Tensor down = adapter.down().to(dtype);
      Tensor up = adapter.up().to(dtype);
      squares.add(up.t().matmul(up).mul(down.matmul(down.t())).sum());
    }
    return Ops.stack(squares, 0).toDoubles();
  }
}
