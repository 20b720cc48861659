package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/// The long-lived tensors of one optimizer, by the name a checkpoint gives them. Their owner.
final class StateTensors implements AutoCloseable {
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();

  /// A new tensor of zeros, freed by [#close].
  Tensor zeros(String name, Dtype dtype, Device device, long... shape) {
    try (Scope _ = new Scope()) {
      Tensor tensor = Ops.zeros(dtype, device, shape).retain();
      tensors.put(name, tensor);
      return tensor;
    }
  }

  /// Zeros in the layout and dtype of the parameters.
  Tensor zerosLike(String name, Tensor values) {
    return zeros(name, values.dtype(), values.device(), values.numel());
  }

  /// The live tensors; the map is the caller's.
  Map<String, Tensor> view() {
    return new LinkedHashMap<>(tensors);
  }

  /// Copies saved values over the live ones.
  void restore(Map<String, Tensor> saved) {
    tensors.forEach((name, tensor) -> tensor.copy_(require(saved, name, tensor.shape())));
  }

  static Tensor require(Map<String, Tensor> saved, String name, long... shape) {
    Tensor tensor = saved.get(name);
    if (tensor == null) {
      throw new InputException(
          "the saved optimizer state has no \"%s\" (it holds %s): it was made by another optimizer"
              .formatted(name, String.join(", ", saved.keySet())));
    }
    if (!Arrays.equals(tensor.shape(), shape)) {
      throw new InputException(
          "the saved optimizer state \"%s\" has shape %s, expected %s: it belongs to another network (rank, modules or --optimizer_args differ)"
              .formatted(name, Arrays.toString(tensor.shape()), Arrays.toString(shape)));
    }
    return tensor;
  }

  @Override
  public void close() {
    tensors.values().forEach(Tensor::close);
    tensors.clear();
  }
}
