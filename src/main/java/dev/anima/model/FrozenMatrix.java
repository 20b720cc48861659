package dev.anima.model;

import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;
import java.util.List;
import java.util.function.UnaryOperator;

/// The weight `(out, in)` of a frozen linear layer, in whatever form it is kept.
public sealed interface FrozenMatrix {
  /// The weight in `dtype`: the kept tensor itself where it has that dtype, else a new one in the
  /// caller's scope.
  Tensor in(Dtype dtype);

  /// The same form with every tensor changed: moved, copied, or replaced by a place for it.
  FrozenMatrix map(UnaryOperator<Tensor> change);

  /// What it consists of, in the order of the record.
  List<Tensor> tensors();

  /// The dtype it computes in.
  Dtype dtype();

  /// `out`
  long rows();

  /// Kept in a dtype that can be computed with.
  record Dense(Tensor tensor) implements FrozenMatrix {
    @Override
    public Tensor in(Dtype dtype) {
      return tensor.to(dtype);
    }

    @Override
    public Dense map(UnaryOperator<Tensor> change) {
      return new Dense(change.apply(tensor));
    }

    @Override
    public List<Tensor> tensors() {
      return List.of(tensor);
    }

    @Override
    public Dtype dtype() {
      return tensor.dtype();
    }

    @Override
    public long rows() {
      return tensor.size(0);
    }
  }

  /// Kept in 8 bits: element `(i, j)` is `codes(i, j) scales(i)`, see [WeightStorage#pack].
  ///
  /// @param codes `(out, in)`, F8_E4M3 or I8
  /// @param scales `(out, 1)` in the model's dtype
  record RowScaled(Tensor codes, Tensor scales) implements FrozenMatrix {
    @Override
    public Tensor in(Dtype dtype) {
      return codes.to(dtype).mul_(scales.to(dtype));
    }

    @Override
    public RowScaled map(UnaryOperator<Tensor> change) {
      return new RowScaled(change.apply(codes), change.apply(scales));
    }

    @Override
    public List<Tensor> tensors() {
      return List.of(codes, scales);
    }

    @Override
    public Dtype dtype() {
      return scales.dtype();
    }

    @Override
    public long rows() {
      return codes.size(0);
    }

    /// Writes the weight into a buffer: the same numbers as [#in], without a new tensor.
    ///
    /// @param target `(out, in)` in the dtype of the scales
    public void into(Tensor target) {
      target.copy_(codes).mul_(scales);
    }
  }
}
