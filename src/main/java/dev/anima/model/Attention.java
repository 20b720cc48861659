package dev.anima.model;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// Softmax attention over heads.
public final class Attention {
  private Attention() {}

  /// `softmax(q k^T / sqrt(d)) v` for every head, heads joined again.
  ///
  /// On the CPU it always runs in float32: in bf16 libtorch's kernel is about 28 times slower
  /// there.
  ///
  /// @param query `(B, Lq, N, d)`
  /// @param key `(B, Lk, N, d)`
  /// @param value `(B, Lk, N, d)`
  /// @param mask boolean, true = attend, broadcast to `(B, N, Lq, Lk)`; null for none. A row that
  ///   may attend to nothing gives 0
  /// @return `(B, Lq, N * d)` in the dtype of `query`
  public static Tensor attend(Tensor query, Tensor key, Tensor value, @Nullable Tensor mask) {
    Dtype dtype = query.dtype();
    Dtype inside = dtype.isReduced() && query.device().isCpu() ? Dtype.F32 : dtype;
    Tensor joined =
        Ops.attention(
            heads(query, inside), heads(key, inside), heads(value, inside), mask); // (B, N, Lq, d)
    return joined.transpose(1, 2).flatten(2, 3).to(dtype);
  }

  private static Tensor heads(Tensor x, Dtype dtype) {
    return x.to(dtype).transpose(1, 2); // (B, N, L, d)
  }

  /// Splits the channels of `x (B, L, N * d)` into heads: `(B, L, N, d)`.
  public static Tensor split(Tensor x, long headSize) {
    return x.view(x.size(0), x.size(1), -1, headSize);
  }
}
