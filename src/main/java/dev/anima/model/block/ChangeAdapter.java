package dev.anima.model.block;

import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.change.Kept;
import dev.anima.model.change.RowDroppable;
import org.jspecify.annotations.Nullable;

/// LoHa or LoKr: `y += s m ∘ x ΔWᵀ`, with `m` the rows that rank dropout leaves and `s` the scale
/// divided by their share.
///
/// @param scale multiplier * alpha / rank
/// @param dropping null outside of training; its `element` does not apply (nothing in these changes
///   is a rank activation)
public record ChangeAdapter(RowDroppable change, double scale, @Nullable Dropping dropping)
    implements LinearAdapter {

  @Override
  public Saved forward(Tensor x, Tensor y, long drawnTokens) {
    Call call = draw(y.size(2));
    again(x, y, call);
    return call;
  }

  private Call draw(long out) {
    if (dropping == null) {
      return new Call(new Kept(null, scale));
    }
    if (dropping.skipsModule()) {
      return new Call(null);
    }
    Tensor rows = dropping.rows(out);
    return new Call(new Kept(rows, rows == null ? scale : scale / dropping.keptRows()));
  }

  @Override
  public void again(Tensor x, Tensor y, Saved saved) {
    Call call = (Call) saved;
    if (call.kept == null) {
      return;
    }
    Tensor inner = call.inner(change, x);
    try (Scope _ = new Scope()) {
      change.addTo(rowsInPlace(y), rows(x), inner, call.kept);
    }
  }

  @Override
  public void backward(Tensor dy, Tensor x, Saved saved, @Nullable Tensor dx) {
    Call call = (Call) saved;
    if (call.kept == null) {
      return;
    }
    Tensor inner = call.inner(change, x);
    try (Scope _ = new Scope()) {
      change.backward(rows(dy), rows(x), inner, call.kept, dx == null ? null : rowsInPlace(dx));
    }
  }

  private static Tensor rows(Tensor tensor) {
    return tensor.flatten(0, 1);
  }

  /// Like [#rows], but never a copy.
  private static Tensor rowsInPlace(Tensor tensor) {
    return tensor.view(tensor.size(0) * tensor.size(1), tensor.size(2));
  }

  /// What one call drew, and the inner activations if they are worth keeping.
  private static final class Call implements Saved {
    /// Null if the module was dropped.
    private final @Nullable Kept kept;

    private @Nullable Tensor inner;

    Call(@Nullable Kept kept) {
      this.kept = kept;
    }

    @Nullable Tensor inner(RowDroppable change, Tensor x) {
      if (inner == null) {
        try (Scope _ = new Scope()) {
          Tensor made = change.inner(rows(x));
          inner = made == null ? null : made.retain();
        }
      }
      return inner;
    }

    @Override
    public boolean tookPart() {
      return kept != null;
    }

    @Override
    public void shrink() {
      if (inner != null) {
        inner.close();
        inner = null;
      }
    }

    @Override
    public long bytes() {
      Tensor rows = kept == null ? null : kept.rows();
      return (rows == null ? 0 : rows.bytes()) + (inner == null ? 0 : inner.bytes());
    }

    @Override
    public void close() {
      if (kept != null && kept.rows() != null) {
        kept.rows().close();
      }
      shrink();
    }
  }
}
