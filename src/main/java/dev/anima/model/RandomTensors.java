package dev.anima.model;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Tensor;
import java.util.List;
import java.util.Optional;

/// Made-up weights of a given layout, for measurements: matrices and convolutions with standard
/// deviation `1 / sqrt(inputs of a sum)`, so that activations stay in range, vectors of ones.
public final class RandomTensors implements TensorSource {
  private final TensorLayout layout;
  private final Placement placement;
  private final RandomStream random;

  public RandomTensors(TensorLayout layout, Placement placement, long seed) {
    this.layout = layout;
    this.placement = placement;
    this.random = RandomStream.on(placement.device(), seed);
  }

  @Override
  public boolean has(String name) {
    return layout.expected().containsKey(name);
  }

  @Override
  public Tensor view(String name) {
    List<Long> sizes = layout.expected().get(name);
    if (sizes == null) {
      throw new IllegalArgumentException("the layout has no tensor " + name);
    }
    long[] shape = sizes.stream().mapToLong(Long::longValue).toArray();
    return shape.length == 1
        ? Ops.full(1, placement.dtype(), placement.device(), shape)
        : random.randn(placement.dtype(), shape).mul_(1 / Math.sqrt(inputs(shape)));
  }

  private static double inputs(long[] shape) {
    double inputs = 1;
    for (int i = 1; i < shape.length; i++) {
      inputs *= shape[i];
    }
    return inputs;
  }

  @Override
  public boolean usableInPlace(String name, Dtype dtype) {
    return placement.device().isCpu() && dtype == placement.dtype();
  }

  @Override
  public Optional<StoredTensor> stored(String name) {
    return Optional.empty();
  }

  @Override
  public void close() {
    random.close();
  }
}
