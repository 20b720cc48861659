package dev.anima.model.change;

import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// One trained matrix of a change, and where its gradient is summed.
///
/// @param value usually float32, whatever the activations are
/// @param gradient shape and dtype of `value`; null when it is not trained
public record Factor(Tensor value, @Nullable Tensor gradient) {

  /// Applied only.
  public static Factor frozen(Tensor value) {
    return new Factor(value, null);
  }

  Tensor in(Dtype dtype) {
    return value.to(dtype);
  }

  /// `gradient += factor aᵀ b`
  void addProduct(Tensor a, Tensor b, double factor) {
    if (gradient == null) {
      return;
    }
    if (gradient.dtype() == a.dtype()) {
      gradient.addmm_(a.t(), b, factor);
    } else {
      gradient.add_(a.t().mm(b), factor);
    }
  }

  /// `gradient += part`
  void add(Tensor part) {
    if (gradient != null) {
      gradient.add_(part);
    }
  }
}
