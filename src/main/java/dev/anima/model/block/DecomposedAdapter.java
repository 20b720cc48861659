package dev.anima.model.block;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix;
import dev.anima.model.change.Magnitude;
import org.jspecify.annotations.Nullable;

/// DoRA over any other adapter (Liu et al. 2024): the changed weight has its columns scaled to
/// trained lengths, `W' = (W + ΔW) diag(c)`, see [Magnitude].
///
/// Beside a layer that has given `W x` already, that is `y += W ((c - 1) ∘ x) + ΔW (c ∘ x)`.
///
/// Backward, with `x' = c ∘ x`: the change takes its gradients from `x'`; `dx' = (W + ΔW)ᵀ dy`, `dc
/// = Σ x ∘ dx'`, and `dx += (c - 1) ∘ Wᵀ dy + c ∘ ΔWᵀ dy`. The lengths that `c` is divided by count
/// as constants (section 4.3 of the paper).
///
/// @param change adds `ΔW x` for the `x` it is given
/// @param weight `W (out, in)`
public record DecomposedAdapter(LinearAdapter change, FrozenMatrix weight, Magnitude magnitude)
    implements LinearAdapter {

  @Override
  public Saved forward(Tensor x, Tensor y, long drawnTokens) {
    Tensor columnLengths = magnitude.columnLengths(weight).retain();
    try (Scope _ = new Scope()) {
      Tensor gain = magnitude.gain(columnLengths);
      Saved inner = change.forward(scaled(x, gain), y, drawnTokens);
      if (inner.tookPart()) {
        addOwn(x, y, gain);
      }
      return new Call(inner, columnLengths);
    }
  }

  @Override
  public void again(Tensor x, Tensor y, Saved saved) {
    Call call = (Call) saved;
    if (!call.tookPart()) {
      return;
    }
    try (Scope _ = new Scope()) {
      Tensor gain = magnitude.gain(call.columnLengths);
      change.again(scaled(x, gain), y, call.inner);
      addOwn(x, y, gain);
    }
  }

  /// `y += W ((c - 1) ∘ x)`
  private void addOwn(Tensor x, Tensor y, Tensor gain) {
    y.add_(Ops.linear(scaled(x, gain.sub(1)), weight.in(x.dtype())));
  }

  @Override
  public void backward(Tensor dy, Tensor x, Saved saved, @Nullable Tensor dx) {
    Call call = (Call) saved;
    if (!call.tookPart()) {
      return;
    }
    try (Scope _ = new Scope()) {
      Tensor gain = magnitude.gain(call.columnLengths);
      Tensor ofChange = Ops.zeros(x.dtype(), x.device(), x.shape()); // ΔWᵀ dy
      change.backward(dy, scaled(x, gain), call.inner, ofChange);
      Tensor ofWeight = dy.matmul(weight.in(dy.dtype())); // Wᵀ dy
      Dtype own = gain.dtype();
      Tensor both = ofChange.to(own).add(ofWeight.to(own));
      magnitude.backward(x.to(own).mul(both).flatten(0, 1).sum(true, 0), call.columnLengths);
      if (dx != null) {
        dx.add_(scaled(ofWeight, gain.sub(1))).add_(scaled(ofChange, gain));
      }
    }
  }

  /// `columns ∘ tensor` over the last dimension, in the dtype of `tensor`.
  private static Tensor scaled(Tensor tensor, Tensor columns) {
    return tensor.mul(columns.to(tensor.dtype()));
  }

  /// @param columnLengths `|W + ΔW| (1, in)` as forward found it
  private record Call(Saved inner, Tensor columnLengths) implements Saved {
    @Override
    public boolean tookPart() {
      return inner.tookPart();
    }

    @Override
    public void shrink() {
      inner.shrink();
    }

    @Override
    public long bytes() {
      return inner.bytes() + columnLengths.bytes();
    }

    @Override
    public void close() {
      inner.close();
      columnLengths.close();
    }
  }
}
