package dev.anima.model;

import dev.anima.engine.Dtype;
import dev.anima.io.FileSpan;
import java.util.List;

/// A tensor in a file, contiguous.
///
/// @param dtype as stored
public record StoredTensor(FileSpan span, Dtype dtype, List<Long> shape) {
  public StoredTensor {
    shape = List.copyOf(shape);
  }

  long[] shapeArray() {
    return shape.stream().mapToLong(Long::longValue).toArray();
  }
}
