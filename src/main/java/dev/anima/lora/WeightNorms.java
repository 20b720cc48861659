package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Readback;
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

  /// A report whose numbers may still be on their way from the device.
  public static final class Pending implements AutoCloseable {
    private final Readback squares;
    private final double[] scales;
    private final double limit;

    private Pending(Readback squares, double[] scales, double limit) {
      this.squares = squares;
      this.scales = scales;
      this.limit = limit;
    }

    /// Waits for the norms.
    public Report report() {
      double[] values = squares.values();
      int scaled = 0;
      double sum = 0;
      double largest = 0;
      for (int i = 0; i < values.length; i++) {
        double norm = scales[i] * Math.sqrt(Math.max(0, values[i]));
        double ratio = norm > limit ? limit / norm : 1;
        if (ratio != 1) {
          scaled++;
        }
        sum += norm * ratio;
        largest = Math.max(largest, norm * ratio);
      }
      return new Report(scaled, values.length == 0 ? 0 : sum / values.length, largest);
    }

    @Override
    public void close() {
      squares.close();
    }
  }

  /// Shrinks every module whose norm of `alpha / rank * ΔW` exceeds `limit`, all matrices of the
  /// change by the same factor. Does not wait for the device.
  ///
  /// The reference does so for LoRA; for LoHa and LoKr it switches the flag off.
  public static Pending limit(LoraSet set, double limit) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      // The trace's terms may cancel, so in double where the device has it (Apple's has not).
      Dtype dtype = set.weights().device().kind() == Device.Kind.MPS ? Dtype.F32 : Dtype.F64;
      double[] scales =
          set.modules().stream()
              .mapToDouble(adapter -> Math.abs(adapter.module().scale(adapter.alpha())))
              .toArray();
      Tensor squares = squaredNorms(set, dtype);
      if (scales.length > 0) {
        shrink(set, squares, scales, limit);
      }
      return new Pending(Readback.of(squares), scales, limit);
    }
  }

  private static void shrink(LoraSet set, Tensor squares, double[] scales, double limit) {
    Dtype dtype = squares.dtype();
    Device device = squares.device();
    Tensor norms =
        Ops.of(scales, scales.length).to(dtype).to(device).mul_(squares.clampMin(0).sqrt_());
    Tensor ratios = // 1 where the norm is within the limit
        Ops.where(
            norms.gt(limit),
            Ops.full(limit, dtype, device, scales.length).div(norms),
            Ops.full(1, dtype, device, 1));
    for (int i = 0; i < scales.length; i++) {
      shrink(set.modules().get(i), ratios.narrow(0, i, 1).view(1, 1));
    }
  }

  /// Every matrix of the change by the same factor, so that their product shrinks by `ratio`. Two
  /// dimensions: the product is then taken in float32 even of bf16 weights.
  private static void shrink(LoraAdapter adapter, Tensor ratio) {
    List<LoraParameter> factors =
        adapter.module().parameters().stream()
            .filter(parameter -> parameter.part() != LoraPart.MAGNITUDE)
            .toList();
    Tensor each = factors.size() == 2 ? ratio.sqrt() : ratio.pow(1.0 / factors.size());
    Tensor factor = each.to(Dtype.F32);
    for (LoraParameter parameter : factors) {
      Tensor weight = adapter.weight(parameter.part());
      Ops.mulInto(weight, weight, factor);
    }
  }

  /// Of each module's change, `(n)`.
  private static Tensor squaredNorms(LoraSet set, Dtype dtype) {
    if (set.modules().isEmpty()) {
      return Ops.zeros(dtype, set.weights().device(), 0);
    }
    List<Tensor> squares = new ArrayList<>();
    for (LoraAdapter adapter : set.modules()) {
      squares.add(Scope.keep(() -> adapter.change().squaredNorm(dtype)));
    }
    return Ops.stack(squares, 0);
  }
}
