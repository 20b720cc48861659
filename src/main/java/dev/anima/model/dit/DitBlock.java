package dev.anima.model.dit;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.Attention;
import dev.anima.model.Rms;
import dev.anima.model.Rotary;
import dev.anima.model.dit.BlockWeights.AttentionWeights;
import dev.anima.model.dit.BlockWeights.MlpWeights;
import dev.anima.model.dit.BlockWeights.ModulationWeights;
import org.jspecify.annotations.Nullable;

/// The formulas of one DiT block, as functions of its weights: they may be run again at any time.
///
/// Shapes: `B` batch, `L` image tokens, `S` text rows, `c` width. Dtypes: weights and linear layers
/// in the model's dtype; layer norm and the modulated input in float32; the residual stream in the
/// model's dtype, but float32 for fp16.
public final class DitBlock {
  private static final double EPSILON = 1e-6;

  private DitBlock() {}

  /// Self attention, attention to the text, MLP, each on a modulated norm, gated and added.
  ///
  /// @param x `(B, L, c)`
  /// @param text `(B, S, context)`: every row is attended to, the zero rows of the padding included
  /// @param cutText attend to the first L rows only where S is larger, as the reference does with
  ///   `--split_attn` (spec/models.md T6)
  /// @return `(B, L, c)`, a new tensor in the caller's scope
  public static Tensor forward(
      BlockWeights weights,
      Tensor x,
      Conditioning conditioning,
      Rotary rope,
      Tensor text,
      Adapters adapters,
      boolean cutText) {
    Dtype dtype = weights.selfAttention().qNorm().dtype();
    // All three before the branches, as in the reference: their dropouts are drawn first.
    Tensor self = modulation(weights.selfModulation(), conditioning, adapters);
    Tensor cross = modulation(weights.crossModulation(), conditioning, adapters);
    Tensor last = modulation(weights.mlpModulation(), conditioning, adapters);
    Tensor afterSelf =
        Scope.keep(() -> {
          Tensor n = modulatedNorm(x, self).to(dtype);
          return gated(x, self, attention(weights.selfAttention(), n, n, rope, adapters, false));
        });
    Tensor afterCross =
        Scope.keep(() -> {
          Tensor n = modulatedNorm(afterSelf, cross).to(dtype);
          return gated(
              afterSelf,
              cross,
              attention(weights.crossAttention(), n, text, null, adapters, cutText));
        });
    afterSelf.close();
    Tensor afterMlp =
        Scope.keep(() -> {
          Tensor n = modulatedNorm(afterCross, last).to(dtype);
          return gated(afterCross, last, mlp(weights.mlp(), n, adapters));
        });
    afterCross.close();
    return afterMlp;
  }

  private static Tensor modulation(
      ModulationWeights weights, Conditioning conditioning, Adapters adapters) {
    return Scope.keep(() -> conditioning.modulation(weights, adapters));
  }

  /// `LN(x) (1 + scale) + shift` in float32 (float64 stays).
  ///
  /// @param modulation `(B, 1, 3c)` or `(B, 1, 2c)`: shift, scale, and what follows
  static Tensor modulatedNorm(Tensor x, Tensor modulation) {
    long c = x.size(-1);
    Tensor wide = x.dtype().isReduced() ? x.to(Dtype.F32) : x;
    return Ops.layerNorm(wide, EPSILON)
        .mul(modulation.narrow(-1, c, c).add(1))
        .add(modulation.narrow(-1, 0, c));
  }

  // x + gate a
  private static Tensor gated(Tensor x, Tensor modulation, Tensor a) {
    long c = x.size(-1);
    return x.add(modulation.narrow(-1, 2 * c, c).mul(a));
  }

  /// @param n `(B, L, c)` gives the queries
  /// @param source `(B, L or S, ...)` gives keys and values
  /// @param rope positions, null for the text
  static Tensor attention(
      AttentionWeights weights,
      Tensor n,
      Tensor source,
      @Nullable Rotary rope,
      Adapters adapters,
      boolean cut) {
    Tensor q = heads(weights.q().apply(n, adapters), weights.qNorm(), rope);
    Tensor k = heads(weights.k().apply(source, adapters), weights.kNorm(), rope);
    Tensor v = Attention.split(weights.v().apply(source, adapters), weights.headSize());
    if (cut && k.size(1) > q.size(1)) {
      k = k.narrow(1, 0, q.size(1));
      v = v.narrow(1, 0, q.size(1));
    }
    return weights.output().apply(Attention.attend(q, k, v, null), adapters);
  }

  private static Tensor heads(Tensor projected, Tensor norm, @Nullable Rotary rope) {
    Tensor normed = Rms.norm(Attention.split(projected, norm.size(0)), norm, Rms.EPSILON);
    return rope == null ? normed : rope.apply(normed);
  }

  static Tensor mlp(MlpWeights weights, Tensor n, Adapters adapters) {
    return weights.layer2().apply(Ops.gelu(weights.layer1().apply(n, adapters)), adapters);
  }
}
