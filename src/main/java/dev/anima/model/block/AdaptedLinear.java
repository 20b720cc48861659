package dev.anima.model.block;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.EightBitRows;
import dev.anima.model.FrozenMatrix;
import dev.anima.model.FrozenMatrix.RowScaled;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Frozen linear layers that see the same input, `yᵢ = x Wᵢᵀ`, each with any number of adapters.
///
/// Backward: `dx = Σ dyᵢ Wᵢ`, plus the adapters' parts. A single layer computes in the dtype of its
/// input, whatever that of its weight.
///
/// A packed weight is multiplied in its own 8 bits in forward, with `x` rounded once for all
/// layers. Backward unpacks it, one matrix at a time. Rounding `dy` too would move the gradients by
/// 0.5 % (of the 8 % that fp8 weights move them; int8: 0.4 % of 2.3 %), but the 8-bit units want
/// `W` transposed there: writing that anew for every product costs as much as the product saves,
/// and keeping it as much memory as bf16.
///
/// @param joined all weights below each other, `(Σ out, in)`, for one product instead of several;
///   null when memory is short (it is a second copy of the weights)
record AdaptedLinear(List<Part> parts, @Nullable Tensor joined) {

  /// @param weight `(out, in)`
  record Part(BlockLinear name, FrozenMatrix weight, List<LinearAdapter> adapters) {}

  /// @param join whether to copy the weights of several layers into one
  static AdaptedLinear of(
      BlockWeights weights, BlockAdapters adapters, boolean join, BlockLinear... names) {
    List<Part> parts = new ArrayList<>();
    for (BlockLinear name : names) {
      parts.add(new Part(name, weights.linear(name), adapters.of(name)));
    }
    Tensor joined = null;
    if (join && names.length > 1) {
      joined = Ops.cat(Stream.of(names).map(weights::dense).toList(), 0).retain();
    }
    return new AdaptedLinear(List.copyOf(parts), joined);
  }

  boolean isAdapted() {
    return parts.stream().anyMatch(part -> !part.adapters.isEmpty());
  }

  /// The only output of a single layer.
  Tensor forward(Tensor x, Activations saved) {
    return forward(x, saved, x.size(1)).getFirst();
  }

  /// @param x `(B, L, in)`
  /// @param drawnTokens see [LinearAdapter#forward]
  /// @return `(B, L, out)` each; views of one buffer when the weights are joined
  List<Tensor> forward(Tensor x, Activations saved, long drawnTokens) {
    List<Tensor> outputs = joined == null ? separately(x) : together(x, joined);
    for (int i = 0; i < parts.size(); i++) {
      Part part = parts.get(i);
      List<LinearAdapter.Saved> draws = saved.adapters(part.name);
      if (draws.isEmpty()) {
        for (LinearAdapter adapter : part.adapters) {
          draws.add(adapter.forward(x, outputs.get(i), drawnTokens));
        }
      } else {
        for (int j = 0; j < draws.size(); j++) {
          part.adapters.get(j).again(x, outputs.get(i), draws.get(j));
        }
      }
    }
    return outputs;
  }

  private List<Tensor> separately(Tensor x) {
    if (parts.stream().noneMatch(part -> part.weight instanceof RowScaled)) {
      return parts.stream().map(part -> Ops.linear(x, part.weight.in(x.dtype()))).toList();
    }
    return Scope.keepAll(() -> {
      Map<Dtype, EightBitRows> rounded = new EnumMap<>(Dtype.class);
      List<Tensor> outputs = new ArrayList<>();
      for (Part part : parts) {
        outputs.add(
            part.weight instanceof RowScaled packed && EightBitRows.fit(packed)
                ? inEightBits(x, packed, rounded)
                : Ops.linear(x, part.weight.in(x.dtype())));
      }
      return outputs;
    });
  }

  private static Tensor inEightBits(Tensor x, RowScaled weight, Map<Dtype, EightBitRows> rounded) {
    EightBitRows rows =
        rounded.computeIfAbsent(
            weight.codes().dtype(), codes -> EightBitRows.of(x.flatten(0, 1), codes));
    return rows.times(weight, x.dtype()).view(x.size(0), x.size(1), weight.rows());
  }

  private List<Tensor> together(Tensor x, Tensor weights) {
    return Scope.keepAll(() -> {
      Tensor all = Ops.linear(x, weights);
      List<Tensor> outputs = new ArrayList<>();
      long start = 0;
      for (Part part : parts) {
        outputs.add(all.narrow(-1, start, part.weight.rows()));
        start += part.weight.rows();
      }
      return outputs;
    });
  }

  /// Adds to the adapters' gradients.
  ///
  /// @param dy one gradient per layer
  /// @param x asked for only when there are adapters
  /// @return `dx`, or null if not wanted
  @Nullable Tensor backward(
      List<Tensor> dy, Supplier<Tensor> x, Activations saved, boolean wantInput) {
    Tensor dx = wantInput ? Scope.keep(() -> inputGradient(dy)) : null;
    for (int i = 0; i < parts.size(); i++) {
      Part part = parts.get(i);
      List<LinearAdapter.Saved> draws = saved.adapters(part.name);
      for (int j = 0; j < part.adapters.size(); j++) {
        part.adapters.get(j).backward(dy.get(i), x.get(), draws.get(j), dx);
      }
    }
    return dx;
  }

  /// Frees the joined copy.
  void close() {
    if (joined != null) {
      joined.close();
    }
  }

  private Tensor inputGradient(List<Tensor> dy) {
    if (joined != null) {
      return Ops.cat(dy, -1).matmul(joined);
    }
    Dtype dtype = dy.getFirst().dtype();
    Tensor dx = Scope.keep(() -> dy.getFirst().matmul(parts.getFirst().weight.in(dtype)));
    for (int i = 1; i < dy.size(); i++) {
      try (Scope _ = new Scope()) { // of what is unpacked
        dx.view(dx.size(0) * dx.size(1), dx.size(2))
            .addmm_(dy.get(i).flatten(0, 1), parts.get(i).weight.in(dtype), 1);
      }
    }
    return dx;
  }
}
