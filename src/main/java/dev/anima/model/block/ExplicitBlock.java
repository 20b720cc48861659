package dev.anima.model.block;

import static dev.anima.model.block.Activation.AFTER_CROSS;
import static dev.anima.model.block.Activation.AFTER_SELF;
import static dev.anima.model.block.Activation.CROSS_MEAN;
import static dev.anima.model.block.Activation.CROSS_NORMED;
import static dev.anima.model.block.Activation.CROSS_RSTD;
import static dev.anima.model.block.Activation.INPUT;
import static dev.anima.model.block.Activation.MLP_MEAN;
import static dev.anima.model.block.Activation.MLP_NORMED;
import static dev.anima.model.block.Activation.MLP_RSTD;
import static dev.anima.model.block.Activation.MODULATION;
import static dev.anima.model.block.Activation.SELF_MEAN;
import static dev.anima.model.block.Activation.SELF_NORMED;
import static dev.anima.model.block.Activation.SELF_RSTD;

import dev.anima.engine.AttentionKernel;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// One DiT block with frozen weights, forward and backward written out. No autograd inside: call it
/// under [dev.anima.engine.NoGrad].
///
/// Shapes: `B` samples, `L` image tokens, `D` width, `N` heads of size `d`, `K` text rows of width
/// `C`.
///
/// **Forward** (`spec/models.md` §2.5). Each branch has its own shift, scale and gate `(B, D)`:
///
/// ```
/// n  = LN(x) (1 + scale) + shift              a  = SelfAttention(n)            x'   = x   + gate a
/// n' = LN(x') (1 + scale') + shift'           a' = CrossAttention(n', text)    x''  = x'  + gate' a'
/// n" = LN(x'') (1 + scale") + shift"          m  = W₂ GELU(W₁ n")              x''' = x'' + gate" m
/// ```
///
/// Inside the attentions `q̂ = R(HeadNorm(Wq n))`, `k̂ = R(HeadNorm(Wk n))`, `v = Wv n`, `o =
/// softmax(q̂ k̂ᵀ / √d) v`, `a = Wo o`; the cross-attention takes keys and values from the text and
/// has no rotation `R`. Every `W` stands for `W` plus its adapters.
///
/// **Backward**, from `dx'''` down; every line of a branch is the transpose of one above:
///
/// ```
/// dm = gate" dx'''    dg = W₂ᵀ dm    dh = dg GELU'(h)    dn" = W₁ᵀ dh
/// dx'' = dx''' + LNᵀ(dn")
/// da' = gate' dx''    do' = Woᵀ da'  (dq̂', dk̂', dv') = attentionᵀ(do')    dn' = Wqᵀ HeadNormᵀ(dq̂')
/// dx'  = dx'' + LNᵀ(dn')
/// da = gate dx'       do = Woᵀ da    (dq̂, dk̂, dv) = attentionᵀ(do)
///                     dn = Wqᵀ HeadNormᵀ(Rᵀ dq̂) + Wkᵀ HeadNormᵀ(Rᵀ dk̂) + Wvᵀ dv
/// dx   = dx' + LNᵀ(dn)
/// ```
///
/// Frozen weights get no gradient; each adapter adds to its own where its layer is passed. The
/// text's `dk̂', dv'` go on only into adapters of its projections, or into the text if that trains.
/// The vectors' gradients, if wanted: `dgate = Σ dx''' m`, `dscale = Σ dn LN(x)`, `dshift = Σ dn`,
/// sums over tokens.
///
/// **Saved set**: [Activation] names every tensor, [SavePolicy] says which of them stay. Backward
/// computes the others again by the same operations from the same numbers, so that all policies
/// agree to the bit; it never repeats the last product `W₂ GELU(h)`.
///
/// **Precision**: products, attention and GELU in the dtype of the weights; the stream `x` and the
/// norms in the dtype of the input, which may be wider (float32 stream over fp16 products);
/// statistics in float32.
public final class ExplicitBlock implements AutoCloseable {
  private final Dtype compute;
  private final Step self;
  private final Step cross;
  private final Step mlp;
  private final BlockModulation modulation;
  private final List<AdaptedLinear> joined;

  /// One branch with its places among the activations.
  private record Step(
      Branch branch,
      int index,
      Activation before,
      Activation normed,
      Activation mean,
      Activation rstd) {}

  /// @param joinProjections whether to copy q, k, v (and the text's k, v) weights into one matrix
  ///   each: larger products for a second copy of 4 matrices
  public ExplicitBlock(
      BlockWeights weights,
      BlockAdapters adapters,
      AttentionKernel kernel,
      boolean joinProjections) {
    compute = weights.linear(BlockLinear.MLP_UP).dtype();
    AdaptedLinear selfProjections =
        AdaptedLinear.of(
            weights,
            adapters,
            joinProjections,
            BlockLinear.SELF_QUERY,
            BlockLinear.SELF_KEY,
            BlockLinear.SELF_VALUE);
    AdaptedLinear textProjections =
        AdaptedLinear.of(
            weights, adapters, joinProjections, BlockLinear.CROSS_KEY, BlockLinear.CROSS_VALUE);
    joined = List.of(selfProjections, textProjections);
    self =
        new Step(
            new SelfAttention(
                selfProjections,
                AdaptedLinear.of(weights, adapters, false, BlockLinear.SELF_OUTPUT),
                new HeadNorm(weights.selfQueryNorm()),
                new HeadNorm(weights.selfKeyNorm()),
                kernel),
            0,
            INPUT,
            SELF_NORMED,
            SELF_MEAN,
            SELF_RSTD);
    cross =
        new Step(
            new CrossAttention(
                AdaptedLinear.of(weights, adapters, false, BlockLinear.CROSS_QUERY),
                textProjections,
                AdaptedLinear.of(weights, adapters, false, BlockLinear.CROSS_OUTPUT),
                new HeadNorm(weights.crossQueryNorm()),
                new HeadNorm(weights.crossKeyNorm()),
                kernel),
            1,
            AFTER_SELF,
            CROSS_NORMED,
            CROSS_MEAN,
            CROSS_RSTD);
    mlp =
        new Step(
            new Mlp(
                AdaptedLinear.of(weights, adapters, false, BlockLinear.MLP_UP),
                AdaptedLinear.of(weights, adapters, false, BlockLinear.MLP_DOWN)),
            2,
            AFTER_CROSS,
            MLP_NORMED,
            MLP_MEAN,
            MLP_RSTD);
    modulation = new BlockModulation(weights, adapters);
  }

  /// Where this block's shift, scale and gate vectors come from.
  public BlockModulation modulation() {
    return modulation;
  }

  /// @param x `(B, L, D)`, contiguous
  /// @param vectors `(3, B, 3D)`, see [BlockModulation]
  /// @param saved empty, or with what [BlockModulation#forward] put in; holds the saved set
  ///   afterwards
  /// @return `x''' (B, L, D)`
  public Tensor forward(Tensor x, Tensor vectors, BlockInputs inputs, Activations saved) {
    return Scope.keep(() -> {
      saved.put(MODULATION, vectors);
      saved.put(INPUT, x);
      saved.put(AFTER_SELF, after(self, saved, inputs));
      saved.put(AFTER_CROSS, after(cross, saved, inputs));
      saved.done(AFTER_SELF);
      Tensor output = after(mlp, saved, inputs);
      saved.settle();
      return output;
    });
  }

  /// Adds to the adapters' gradients and uses up `saved`, which the caller closes.
  ///
  /// @param dy gradient of the output, `(B, L, D)` in the dtype of the stream, not changed
  public BlockGradients backward(Tensor dy, BlockInputs inputs, Activations saved, Wanted wanted) {
    List<Tensor> results =
        Scope.keepAll(() -> {
          saved.reopen(dy.device());
          complete(AFTER_SELF, self, saved, inputs);
          complete(AFTER_CROSS, cross, saved, inputs);
          Wanted inner = new Wanted(true, wanted.modulation(), wanted.context());
          Tensor vectors = saved.get(MODULATION);
          Tensor gradVectors = Ops.empty(vectors.dtype(), vectors.device(), vectors.shape());
          Tensor dx2 = Objects.requireNonNull(before(mlp, dy, saved, inputs, inner, gradVectors));
          Tensor dx1 =
              Objects.requireNonNull(before(cross, dx2, saved, inputs, inner, gradVectors));
          dx2.close();
          Tensor dx = before(self, dx1, saved, inputs, wanted, gradVectors);
          return dx == null || !wanted.input() ? List.of(gradVectors) : List.of(gradVectors, dx);
        });
    return new BlockGradients(
        results.size() > 1 ? results.get(1) : null,
        wanted.modulation() ? results.getFirst() : null);
  }

  /// Frees the joined weights; those given to the constructor stay their owner's.
  @Override
  public void close() {
    joined.forEach(AdaptedLinear::close);
  }

  private void complete(Activation after, Step step, Activations saved, BlockInputs inputs) {
    if (!saved.has(after)) {
      saved.put(after, after(step, saved, inputs));
    }
  }

  /// `x + gate branch(LN(x) (1 + scale) + shift)`
  private Tensor after(Step step, Activations saved, BlockInputs inputs) {
    Tensor a = step.branch.forward(saved, inputs, () -> normed(step, saved));
    saved.done(step.normed, step.mean, step.rstd);
    Tensor x = saved.get(step.before);
    Tensor sum =
        Scope.keep(() -> x.addcmul(vectors(step, saved).gate().to(x.dtype()), a.to(x.dtype())));
    a.close();
    return sum;
  }

  /// Through one branch, from the gradient after it to the one before it; null if that is not
  /// wanted.
  private @Nullable Tensor before(
      Step step,
      Tensor dy,
      Activations saved,
      BlockInputs inputs,
      Wanted wanted,
      Tensor gradVectors) {
    Modulation vectors = vectors(step, saved);
    if (wanted.modulation()) {
      Tensor a = step.branch.forward(saved, inputs, () -> normed(step, saved));
      try (Scope _ = new Scope()) {
        part(gradVectors, step, 2).copy_(dy.mul(a).sum(false, 1));
      }
      a.close();
    }
    Tensor da = Scope.keep(() -> dy.mul(vectors.gate().to(dy.dtype())).to(compute));
    Wanted inner =
        new Wanted(wanted.input() || wanted.modulation(), wanted.modulation(), wanted.context());
    Tensor dn = step.branch.backward(da, saved, inputs, () -> normed(step, saved), inner);
    da.close();
    if (dn == null) {
      return null;
    }
    normed(step, saved);
    Tensor x = saved.get(step.before);
    List<Tensor> gradients =
        ModulatedNorm.backward(
            dn, x, saved.get(step.mean), saved.get(step.rstd), vectors, wanted.modulation());
    dn.close();
    saved.free(step.normed, step.mean, step.rstd, step.before);
    if (wanted.modulation()) {
      try (Scope _ = new Scope()) {
        part(gradVectors, step, 1).copy_(gradients.get(1));
        part(gradVectors, step, 0).copy_(gradients.get(2));
      }
    }
    return gradients.getFirst().add_(dy);
  }

  /// The branch's input, with the statistics of its norm.
  private Tensor normed(Step step, Activations saved) {
    if (!saved.has(step.normed)) {
      List<Tensor> normed =
          ModulatedNorm.forward(saved.get(step.before), vectors(step, saved), compute);
      saved.free(step.mean, step.rstd);
      saved.put(step.normed, normed.get(0));
      saved.put(step.mean, normed.get(1));
      saved.put(step.rstd, normed.get(2));
    }
    return saved.get(step.normed);
  }

  private static Modulation vectors(Step step, Activations saved) {
    return new Modulation(saved.get(MODULATION).select(0, step.index));
  }

  /// `(B, D)`: 0 shift, 1 scale, 2 gate.
  private static Tensor part(Tensor vectors, Step step, long which) {
    long width = vectors.size(2) / 3;
    return vectors.select(0, step.index).narrow(1, which * width, width);
  }
}
