package dev.anima.engine;

import dev.anima.io.SafetensorsFile;
import dev.anima.io.TensorData;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Tensors over a mapped safetensors file.
public final class TensorFile {
  private TensorFile() {}

  /// A tensor for a safetensors file: a copy of its bytes. Waits for the device.
  public static TensorData data(String name, Tensor tensor) {
    return new TensorData(
        name,
        tensor.dtype().safetensorsName(),
        Arrays.stream(tensor.shape()).boxed().toList(),
        MemorySegment.ofArray(tensor.toBytes()));
  }

  /// The tensor `name` over the file's own memory, without a copy: read-only, valid until the file
  /// is closed.
  public static Tensor view(SafetensorsFile file, String name) {
    SafetensorsFile.Entry entry = file.entry(name);
    return Ops.wrap(file.bytes(name), Dtype.ofSafetensors(entry.dtype()), entry.shapeArray());
  }
}
