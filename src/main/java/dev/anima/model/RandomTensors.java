package dev.anima.model;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

  /// Writes a model of such weights. Layers with inputs of the same width begin with the same
  /// numbers: what it is for asks for no more, and they fit into memory for any number of blocks.
  public static void write(Path file, TensorLayout layout, Dtype dtype, long seed) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(seed)) {
      Map<Long, Long> largest = new HashMap<>();
      layout
          .expected()
          .values()
          .forEach(shape -> largest.merge(shape.getLast(), elements(shape), Math::max));
      Map<Long, Tensor> pool = new HashMap<>();
      largest.forEach((width, elements) ->
          pool.put(width, random.randn(dtype, elements).mul_(1 / Math.sqrt((double) width))));
      Tensor ones = Ops.full(1, dtype, Device.CPU, Collections.max(largest.keySet()));
      List<TensorData> tensors = new ArrayList<>();
      layout
          .expected()
          .forEach((name, shape) -> {
            Tensor numbers =
                shape.size() == 1 ? ones : Objects.requireNonNull(pool.get(shape.getLast()));
            tensors.add(
                new TensorData(
                    name,
                    dtype.safetensorsName(),
                    shape,
                    numbers.memory().asSlice(0, elements(shape) * dtype.bytes())));
          });
      SafetensorsWriter.write(file, tensors);
    }
  }

  private static long elements(List<Long> shape) {
    return shape.stream().reduce(1L, Math::multiplyExact);
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
