package dev.anima.model.change;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// LoHa (Hyeon-Woo et al. 2021, FedPara): `ΔW = (W₁ₐ W₁ᵦ) ∘ (W₂ₐ W₂ᵦ)`, of rank up to r².
///
/// For a small rank the product is never formed: element `(o, i)` is `Σₖₗ W₁ₐ[o,k] W₂ₐ[o,l]
/// W₁ᵦ[k,i] W₂ᵦ[l,i]`, so with `U[o, kl] = W₁ₐ[o,k] W₂ₐ[o,l]` `(out, r²)` and `V[kl, i] = W₁ᵦ[k,i]
/// W₂ᵦ[l,i]` `(r², in)` it is `ΔW = U V`, a LoRA of rank r². That is the cheaper way while `r² (in
/// + out) < in out` ([#unfolds]); beyond it `ΔW` is formed.
///
/// Backward, unfolded: with `u = x Vᵀ`, `dU = s dyᵀ u`, `dV = s (dy U)ᵀ x`, and from them
/// `dW₁ₐ[o,k] = Σₗ dU[o,kl] W₂ₐ[o,l]`, likewise the others. Formed: with `G = s dyᵀ x`, `P₁ = W₁ₐ
/// W₁ᵦ`, `P₂ = W₂ₐ W₂ᵦ`: `dP₁ = G ∘ P₂`, `dW₁ₐ = dP₁ W₁ᵦᵀ`, `dW₁ᵦ = W₁ₐᵀ dP₁`, likewise the second
/// pair.
///
/// @param w1a `(out, r)`
/// @param w1b `(r, in)`
/// @param w2a `(out, r)`
/// @param w2b `(r, in)`
public record Hadamard(Factor w1a, Factor w1b, Factor w2a, Factor w2b) implements RowDroppable {

  /// Whether the r² unfolded factors cost less than the whole matrix.
  boolean unfolds() {
    long rank = w1b.value().size(0);
    long in = w1b.value().size(1);
    long out = w1a.value().size(0);
    return rank * rank * (in + out) < in * out;
  }

  @Override
  public Tensor dense() {
    return first().mul(second());
  }

  private Tensor first() {
    return w1a.value().matmul(w1b.value());
  }

  private Tensor second() {
    return w2a.value().matmul(w2b.value());
  }

  /// `V (r², in)`
  private Tensor unfoldedDown() {
    return w1b.value().unsqueeze(1).mul(w2b.value().unsqueeze(0)).flatten(0, 1);
  }

  /// `U (out, r²)`
  private Tensor unfoldedUp() {
    return w1a.value().unsqueeze(2).mul(w2a.value().unsqueeze(1)).flatten(1, 2);
  }

  @Override
  public Tensor apply(Tensor x) {
    Dtype dtype = x.dtype();
    return unfolds()
        ? Ops.linear(Ops.linear(x, unfoldedDown().to(dtype)), unfoldedUp().to(dtype))
        : Ops.linear(x, dense().to(dtype));
  }

  @Override
  public Tensor squaredNorm(Dtype dtype) {
    Hadamard wide =
        new Hadamard(
            frozen(w1a, dtype), frozen(w1b, dtype), frozen(w2a, dtype), frozen(w2b, dtype));
    return unfolds()
        ? new LowRank(wide.unfoldedDown(), wide.unfoldedUp()).squaredNorm(dtype)
        : wide.dense().square().sum();
  }

  private static Factor frozen(Factor factor, Dtype dtype) {
    return Factor.frozen(factor.in(dtype));
  }

  @Override
  public @Nullable Tensor inner(Tensor x) {
    return unfolds() ? x.mm(unfoldedDown().to(x.dtype()).t()) : null; // (n, r²)
  }

  @Override
  public void addTo(Tensor y, Tensor x, @Nullable Tensor inner, Kept kept) {
    Tensor in = inner == null ? x : inner;
    Tensor matrix = kept.rowsOf(inner == null ? dense() : unfoldedUp());
    y.addmm_(in, matrix.to(y.dtype()).t(), kept.scale());
  }

  @Override
  public void backward(
      Tensor dy, Tensor x, @Nullable Tensor inner, Kept kept, @Nullable Tensor dx) {
    if (inner == null) {
      formed(dy, x, kept, dx);
    } else {
      unfolded(dy, x, inner, kept, dx);
    }
  }

  private void unfolded(Tensor dy, Tensor x, Tensor u, Kept kept, @Nullable Tensor dx) {
    Dtype own = w1a.value().dtype();
    long rank = w1b.value().size(0);
    long out = dy.size(1);
    Tensor gradUp =
        kept.rowsOf(dy.t().mm(u).to(own)).mul_(kept.scale()).view(out, rank, rank); // (out, k, l)
    w1a.add(gradUp.mul(w2a.value().unsqueeze(1)).sum(false, 2));
    w2a.add(gradUp.mul(w1a.value().unsqueeze(2)).sum(false, 1));
    Tensor du = dy.mm(kept.rowsOf(unfoldedUp()).to(dy.dtype())).mul_(kept.scale()); // (n, r²)
    Tensor gradDown = du.t().mm(x).to(own).view(rank, rank, x.size(1)); // (k, l, in)
    w1b.add(gradDown.mul(w2b.value().unsqueeze(0)).sum(false, 1));
    w2b.add(gradDown.mul(w1b.value().unsqueeze(1)).sum(false, 0));
    if (dx != null) {
      dx.addmm_(du, unfoldedDown().to(dy.dtype()), 1);
    }
  }

  private void formed(Tensor dy, Tensor x, Kept kept, @Nullable Tensor dx) {
    Dtype own = w1a.value().dtype();
    Tensor gradient = kept.rowsOf(dy.t().mm(x).to(own)).mul_(kept.scale()); // (out, in)
    Tensor first = first();
    Tensor second = second();
    Tensor gradFirst = gradient.mul(second);
    w1a.addProduct(gradFirst.t(), w1b.value().t(), 1);
    w1b.addProduct(w1a.value(), gradFirst, 1);
    Tensor gradSecond = gradient.mul(first);
    w2a.addProduct(gradSecond.t(), w2b.value().t(), 1);
    w2b.addProduct(w2a.value(), gradSecond, 1);
    if (dx != null) {
      dx.addmm_(dy, kept.rowsOf(first.mul(second)).to(dy.dtype()), kept.scale());
    }
  }
}
