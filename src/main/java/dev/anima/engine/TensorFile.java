package dev.anima.engine;

import dev.anima.io.SafetensorsFile;

/// Tensors over a mapped safetensors file.
public final class TensorFile {
  private TensorFile() {}

  /// The tensor `name` over the file's own memory, without a copy: read-only, valid until the file
  /// is closed.
  public static Tensor view(SafetensorsFile file, String name) {
    SafetensorsFile.Entry entry = file.entry(name);
    return Ops.wrap(file.bytes(name), Dtype.ofSafetensors(entry.dtype()), entry.shapeArray());
  }
}
