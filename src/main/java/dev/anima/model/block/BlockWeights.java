package dev.anima.model.block;

import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Function;

/// The frozen weights of one block. Dense ones are in the compute dtype; packed ones are multiplied
/// as they are ([dev.anima.model.EightBitRows]).
///
/// @param linears `(out, in)` each
/// @param selfQueryNorm `(d)` weight of the norm over one head, likewise the other three
public record BlockWeights(
    Map<BlockLinear, FrozenMatrix> linears,
    Tensor selfQueryNorm,
    Tensor selfKeyNorm,
    Tensor crossQueryNorm,
    Tensor crossKeyNorm) {

  /// @param tensor gives the tensor of a name inside the block, such as `self_attn.q_proj.weight`
  public static BlockWeights of(Function<String, Tensor> tensor) {
    Map<BlockLinear, FrozenMatrix> linears = new EnumMap<>(BlockLinear.class);
    for (BlockLinear linear : BlockLinear.values()) {
      linears.put(linear, new FrozenMatrix.Dense(tensor.apply(linear.path() + ".weight")));
    }
    return new BlockWeights(
        linears,
        tensor.apply("self_attn.q_norm.weight"),
        tensor.apply("self_attn.k_norm.weight"),
        tensor.apply("cross_attn.q_norm.weight"),
        tensor.apply("cross_attn.k_norm.weight"));
  }

  public FrozenMatrix linear(BlockLinear linear) {
    FrozenMatrix weight = linears.get(linear);
    if (weight == null) {
      throw new IllegalStateException("the block has no weight for " + linear.path());
    }
    return weight;
  }

  /// The weight of a layer that is not packed.
  public Tensor dense(BlockLinear linear) {
    if (linear(linear) instanceof FrozenMatrix.Dense(Tensor tensor)) {
      return tensor;
    }
    throw new IllegalStateException(linear.path() + " is packed");
  }
}
