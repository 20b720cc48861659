package dev.anima.model.change;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// LoKr (Yeh et al. 2023, LyCORIS): `ΔW = W₁ ⊗ W₂`, where `W₂` is one matrix or the product of two.
///
/// With `in = m n` and `out = l k`, a row `x` is an `(m, n)` matrix `X`, and `x ΔWᵀ` is the `(l,
/// k)` matrix `W₁ (X W₂ᵀ)`: two small products instead of one by the whole matrix.
///
/// Backward, with `Z = X W₂ᵀ` and `dY` of the shape `(l, k)`, sums over rows: `dW₁ = Σ dY Zᵀ`, `dZ
/// = W₁ᵀ dY`, `dW₂ = Σ dZᵀ X`, `dX = dZ W₂`.
///
/// @param w1 `(l, m)`
/// @param w2 `(k, n)`, or `(k, r)` and `(r, n)`
public record Kronecker(Factor w1, List<Factor> w2) implements RowDroppable {
  public Kronecker {
    w2 = List.copyOf(w2);
    if (w2.isEmpty() || w2.size() > 2) {
      throw new IllegalArgumentException("W2 is one matrix or a product of two");
    }
  }

  private Tensor second() {
    Tensor left = w2.getFirst().value();
    return w2.size() == 1 ? left : left.matmul(w2.getLast().value());
  }

  private long m() {
    return w1.value().size(1);
  }

  private long l() {
    return w1.value().size(0);
  }

  private long k() {
    return w2.getFirst().value().size(0);
  }

  private long n() {
    return w2.getLast().value().size(1);
  }

  @Override
  public Tensor dense() {
    Tensor left = w1.value().unsqueeze(1).unsqueeze(3); // (l, 1, m, 1)
    Tensor right = second().unsqueeze(0).unsqueeze(2); // (1, k, 1, n)
    return left.mul(right).reshape(l() * k(), m() * n());
  }

  @Override
  public Tensor apply(Tensor x) {
    long[] shape = x.shape();
    shape[shape.length - 1] = l() * k();
    return product(x.reshape(-1, m() * n())).reshape(shape);
  }

  /// `x (rows, in)` to `(rows, l, k)`, not contiguous.
  private Tensor product(Tensor x) {
    Dtype dtype = x.dtype();
    Tensor z = turned(throughSecond(x.reshape(-1, n())), m()); // (rows k, m)
    return Ops.linear(z, w1.in(dtype)).view(-1, k(), l()).transpose(1, 2);
  }

  /// `(rows m, n)` to `(rows m, k)`
  private Tensor throughSecond(Tensor x) {
    Tensor inner = x;
    for (Factor factor : w2.reversed()) {
      inner = Ops.linear(inner, factor.in(x.dtype()));
    }
    return inner;
  }

  /// `(rows a, k)` to `(rows k, a)`
  private Tensor turned(Tensor tensor, long a) {
    return tensor.view(-1, a, k()).transpose(1, 2).reshape(-1, a);
  }

  /// `|W₁ ⊗ W₂| = |W₁| |W₂|`
  @Override
  public Tensor squaredNorm(Dtype dtype) {
    Tensor left = w1.in(dtype).square().sum();
    Tensor right =
        w2.size() == 1
            ? w2.getFirst().in(dtype).square().sum()
            : new LowRank(w2.getLast().value(), w2.getFirst().value()).squaredNorm(dtype);
    return left.mul(right);
  }

  /// The first product is cheap; it is made again.
  @Override
  public @Nullable Tensor inner(Tensor x) {
    return null;
  }

  @Override
  public void addTo(Tensor y, Tensor x, @Nullable Tensor inner, Kept kept) {
    Tensor change = product(x); // (rows, l, k)
    if (kept.rows() != null) {
      change = change.mul(kept.rows().to(x.dtype()).view(1, l(), k()));
    }
    y.view(-1, l(), k()).add_(change, kept.scale());
  }

  @Override
  public void backward(
      Tensor dy, Tensor x, @Nullable Tensor inner, Kept kept, @Nullable Tensor dx) {
    Tensor rows = x.reshape(-1, n()); // (rows m, n)
    Tensor gradient = turned(kept.columnsOf(dy).reshape(-1, k()), l()); // (rows k, l)
    Tensor between = w2.size() == 1 ? rows : Ops.linear(rows, w2.getLast().in(x.dtype()));
    Tensor z = turned(Ops.linear(between, w2.getFirst().in(x.dtype())), m()); // (rows k, m)
    w1.addProduct(gradient, z, kept.scale());
    Tensor dz = gradient.mm(w1.in(dy.dtype())).mul_(kept.scale()); // (rows k, m)
    dz = dz.view(-1, k(), m()).transpose(1, 2).reshape(-1, k()); // (rows m, k)
    w2.getFirst().addProduct(dz, between, 1);
    Tensor dRows = dz.mm(w2.getFirst().in(dy.dtype())); // (rows m, n or r)
    if (w2.size() == 2) {
      w2.getLast().addProduct(dRows, rows, 1);
      dRows = dx == null ? dRows : dRows.mm(w2.getLast().in(dy.dtype()));
    }
    if (dx != null) {
      dx.add_(dRows.view(x.shape()));
    }
  }
}
