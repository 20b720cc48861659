package dev.anima.model.block;

import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// LoRA: `y += s (m ∘ x Aᵀ) Bᵀ` with `A` down, `B` up, `m` the dropouts' mask and `s` the scale
/// divided by the share that stays.
///
/// Backward, with `u = m ∘ x Aᵀ`: `dB += s dyᵀ u`, `du = s m ∘ dy B`, `dA += duᵀ x`, `dx += du A`.
///
/// @param down `(r, in)`; a dtype other than the activations' is cast at every use
/// @param up `(out, r)`
/// @param gradDown where `dA` is added, shape of `down`, usually float32; null when it is not
///   trained
/// @param gradUp where `dB` is added
/// @param scale multiplier * alpha / rank
/// @param dropping null outside of training
public record LowRankAdapter(
    Tensor down,
    Tensor up,
    @Nullable Tensor gradDown,
    @Nullable Tensor gradUp,
    double scale,
    @Nullable Dropping dropping)
    implements LinearAdapter {

  @Override
  public Saved forward(Tensor x, Tensor y, long drawnTokens) {
    Units units = draw(x, drawnTokens);
    again(x, y, units);
    return units;
  }

  private Units draw(Tensor x, long drawnTokens) {
    if (dropping == null) {
      return new Units(true, null, scale);
    }
    if (dropping.skipsModule()) {
      return new Units(false, null, 0);
    }
    Tensor mask = dropping.mask(x.dtype(), x.size(0), x.size(1), drawnTokens, down.size(0));
    double kept = dropping.kept();
    return new Units(true, mask, kept == 0 ? 0 : scale / kept);
  }

  @Override
  public void again(Tensor x, Tensor y, Saved saved) {
    Units units = (Units) saved;
    if (units.addsNothing()) {
      return;
    }
    Tensor u = units.of(this, x);
    try (Scope _ = new Scope()) {
      rowsInPlace(y).addmm_(rows(u), up.to(y.dtype()).t(), units.scale);
    }
  }

  @Override
  public void backward(Tensor dy, Tensor x, Saved saved, @Nullable Tensor dx) {
    Units units = (Units) saved;
    if (units.addsNothing()) {
      return;
    }
    Tensor u = units.of(this, x);
    try (Scope _ = new Scope()) {
      Tensor dyRows = rows(dy); // (B L, out)
      accumulate(gradUp, dyRows, rows(u), units.scale);
      Tensor du = dyRows.mm(up.to(dy.dtype())).mul_(units.scale); // (B L, r)
      if (units.mask != null) {
        du.view(u.shape()).mul_(units.mask);
      }
      accumulate(gradDown, du, rows(x), 1);
      if (dx != null) {
        rowsInPlace(dx).addmm_(du, down.to(dy.dtype()), 1);
      }
    }
  }

  /// `gradient += factor aᵀ b`
  private static void accumulate(@Nullable Tensor gradient, Tensor a, Tensor b, double factor) {
    if (gradient == null) {
      return;
    }
    if (gradient.dtype() == a.dtype()) {
      gradient.addmm_(a.t(), b, factor);
    } else {
      gradient.add_(a.t().mm(b), factor);
    }
  }

  private static Tensor rows(Tensor tensor) {
    return tensor.flatten(0, 1);
  }

  /// Like [#rows], but never a copy.
  private static Tensor rowsInPlace(Tensor tensor) {
    return tensor.view(tensor.size(0) * tensor.size(1), tensor.size(2));
  }

  /// The rank activations `u (B, L, r)` of one call and the mask that made them.
  private static final class Units implements Saved {
    private final boolean tookPart;
    private final @Nullable Tensor mask;
    private final double scale;
    private @Nullable Tensor product;

    /// @param scale 0 where everything was dropped
    Units(boolean tookPart, @Nullable Tensor mask, double scale) {
      this.tookPart = tookPart;
      this.mask = mask;
      this.scale = scale;
    }

    Tensor of(LowRankAdapter adapter, Tensor x) {
      Tensor u = product;
      if (u == null) {
        u =
            Scope.keep(() -> {
              Tensor all = x.matmul(adapter.down.to(x.dtype()).t());
              return (mask == null ? all : all.mul_(mask)).retain();
            });
        product = u;
      }
      return u;
    }

    boolean addsNothing() {
      return scale == 0;
    }

    @Override
    public boolean tookPart() {
      return tookPart;
    }

    @Override
    public void shrink() {
      if (product != null) {
        product.close();
        product = null;
      }
    }

    @Override
    public long bytes() {
      return (mask == null ? 0 : mask.bytes()) + (product == null ? 0 : product.bytes());
    }

    @Override
    public void close() {
      if (mask != null) {
        mask.close();
      }
      shrink();
    }
  }
}
