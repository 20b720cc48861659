package dev.anima.model.block;

import dev.anima.engine.AttentionKernel;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.List;
import java.util.Objects;

/// Between rows `(B, L, D)`, their heads `(B, L, N, d)` and the order of attention kernels `(B, N,
/// L, d)`: views of the same memory.
final class Heads {
  private Heads() {}

  /// `(B, L, D)` as `(B, L, N, d)`, heads like those of `example`.
  static Tensor split(Tensor x, Tensor example) {
    return x.view(x.size(0), x.size(1), example.size(2), example.size(3));
  }

  /// `(B, N, L, d)` as `(B, L, D)`.
  static Tensor join(Tensor attended) {
    return attended.transpose(1, 2).flatten(2, 3);
  }

  /// All three `(B, L, N, d)`, no zero keys.
  static AttentionKernel.Attended attend(
      AttentionKernel kernel, Tensor query, Tensor key, Tensor value) {
    return attend(kernel, query, key, value, 0);
  }

  static AttentionKernel.Attended attend(
      AttentionKernel kernel, Tensor query, Tensor key, Tensor value, long zeroKeys) {
    List<Tensor> results =
        Scope.keepAll(() -> {
          AttentionKernel.Attended attended =
              kernel.forward(
                  query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), zeroKeys);
          return List.of(attended.output(), attended.logSumExp());
        });
    return new AttentionKernel.Attended(results.getFirst(), results.getLast());
  }

  /// Gradients `(B, N, L, d)` of query, key and value, which are `(B, L, N, d)`.
  static List<Tensor> gradients(
      AttentionKernel kernel,
      Tensor gradAttended,
      Tensor query,
      Tensor key,
      Tensor value,
      AttentionKernel.Attended attended) {
    return gradients(kernel, gradAttended, query, key, value, attended, 0);
  }

  static List<Tensor> gradients(
      AttentionKernel kernel,
      Tensor gradAttended,
      Tensor query,
      Tensor key,
      Tensor value,
      AttentionKernel.Attended attended,
      long zeroKeys) {
    return Scope.keepAll(() ->
        kernel.backward(
            gradAttended,
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            attended,
            zeroKeys));
  }

  /// Through the output projection: gradient `(B, N, L, d)` of `attended`.
  static Tensor outputGradient(
      AdaptedLinear output, Tensor da, Tensor attended, Activations saved) {
    return Scope.keep(() -> {
      Tensor rows =
          Objects.requireNonNull(output.backward(List.of(da), () -> join(attended), saved, true));
      return rows.view(rows.size(0), rows.size(1), attended.size(1), attended.size(3))
          .transpose(1, 2);
    });
  }
}
