package dev.anima.model;

import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;
import java.util.Optional;

/// Where a model's weights come from: a file, or numbers made up for a measurement.
public interface TensorSource extends AutoCloseable {
  boolean has(String name);

  /// The tensor `name`, in the current scope or over the source's own memory; not to be written to.
  Tensor view(String name);

  /// Whether [#view] gives a tensor of `dtype` on the CPU that may be used as it is, without a
  /// copy.
  boolean usableInPlace(String name, Dtype dtype);

  /// Where the tensor `name` can be read again and again; empty if it is in no file.
  Optional<StoredTensor> stored(String name);

  /// Views over the source's memory must not be used afterwards.
  @Override
  void close();
}
