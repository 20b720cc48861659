package dev.anima.model.block;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/// `n = LN(x) (1 + scale) + shift`, epsilon 1e-6, statistics in float32.
///
/// It is an affine layer norm whose weight `1 + scale` and bias `shift` belong to the sample, so
/// each sample goes through libtorch's fused norm, rounded once at the end.
final class ModulatedNorm {
  private static final double EPSILON = 1e-6;

  private ModulatedNorm() {}

  /// @param x `(B, L, D)`
  /// @return `n (B, L, D)` in `compute`, mean and reciprocal standard deviation `(B, L, 1)`
  static List<Tensor> forward(Tensor x, Modulation modulation, Dtype compute) {
    return Scope.keepAll(() -> {
      List<List<Tensor>> samples = new ArrayList<>();
      for (int i = 0; i < x.size(0); i++) {
        samples.add(
            Ops.layerNorm(
                x.narrow(0, i, 1),
                modulation.scale(i).add(1).to(x.dtype()),
                modulation.shift(i).to(x.dtype()),
                EPSILON));
      }
      return List.of(join(samples, 0).to(compute), join(samples, 1), join(samples, 2));
    });
  }

  /// @param dn `(B, L, D)`
  /// @param wantModulation whether the gradients of shift and scale are wanted
  /// @return `dx (B, L, D)` in the dtype of `x`, and if wanted those of scale and shift `(B, D)`
  static List<Tensor> backward(
      Tensor dn,
      Tensor x,
      Tensor mean,
      Tensor rstd,
      Modulation modulation,
      boolean wantModulation) {
    return Scope.keepAll(() -> {
      List<List<Tensor>> samples = new ArrayList<>();
      Tensor gradient = dn.to(x.dtype());
      for (int i = 0; i < x.size(0); i++) {
        samples.add(
            Ops.layerNormBackward(
                gradient.narrow(0, i, 1),
                x.narrow(0, i, 1),
                mean.narrow(0, i, 1),
                rstd.narrow(0, i, 1),
                modulation.scale(i).add(1).to(x.dtype()),
                modulation.shift(i).to(x.dtype()),
                wantModulation));
      }
      return wantModulation
          ? List.of(join(samples, 0), stack(samples, 1), stack(samples, 2))
          : List.of(join(samples, 0));
    });
  }

  private static Tensor join(List<List<Tensor>> samples, int which) {
    return samples.size() == 1
        ? samples.getFirst().get(which)
        : Ops.cat(samples.stream().map(sample -> sample.get(which)).toList(), 0);
  }

  private static Tensor stack(List<List<Tensor>> samples, int which) {
    return Ops.stack(samples.stream().map(sample -> sample.get(which)).toList(), 0);
  }
}
