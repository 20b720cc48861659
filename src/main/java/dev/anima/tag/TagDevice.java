package dev.anima.tag;

/// What computes a tagger.
public enum TagDevice {
  /// An NVIDIA card if this build can use one, then DirectML, then the processor.
  AUTO,
  CPU,
  CUDA,
  DIRECTML,
  COREML
}
