package dev.anima.engine;

import java.util.List;

/// Softmax attention without mask or dropout, forward and explicit backward.
///
/// Shapes: queries `(B, N, L, d)`, keys and values `(B, N, K, d)`, any strides with a contiguous
/// last dimension; scale `1/sqrt(d)`. Results lie in memory as `(B, L, N, d)`, so that
/// `transpose(1, 2)` joins the heads without a copy.
///
/// **Zero keys.** Besides the `K` given keys there may be `zeroKeys` more whose key and value are
/// zero: the padded rows of a text. Each has the score 0 and adds `exp(0)` to every softmax sum and
/// nothing to the output, so they are never computed. With `l = log sum exp(scores)` over the given
/// keys and `l' = log(exp(l) + zeroKeys)`, the output is the unpadded one times `exp(l - l')`, and
/// the backward of unpadded attention is exact when it is handed that output and `l'`.
public sealed interface AttentionKernel permits FusedAttention, ChunkedAttention {

  /// @param output `(B, N, L, d)`
  /// @param logSumExp of the scores, zero keys included, `(B, N, L)` or as the kernel likes it;
  ///   what the backward needs besides the output. Empty where it needs nothing
  record Attended(Tensor output, Tensor logSumExp) {}

  Attended forward(Tensor query, Tensor key, Tensor value, long zeroKeys);

  /// Gradients of query, key and value.
  List<Tensor> backward(
      Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended, long zeroKeys);

  /// For the log.
  String description();
}
