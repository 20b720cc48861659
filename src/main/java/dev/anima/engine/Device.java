package dev.anima.engine;

import org.bytedeco.pytorch.global.torch;

/// Where a tensor lives: the CPU, one CUDA card, or Apple's GPU.
public record Device(Kind kind, int index) {
  public static final Device CPU = new Device(Kind.CPU, 0);

  public enum Kind {
    CPU,
    CUDA,
    MPS
  }

  /// The best device of this machine: the first CUDA card, else the CPU.
  public static Device best() {
    return cudaCards() > 0 ? new Device(Kind.CUDA, 0) : CPU;
  }

  /// The device that `cpu`, `cuda`, `cuda:1` or `mps` names.
  public static Device parse(String name) {
    return switch (name) {
      case "cpu" -> CPU;
      case "cuda" -> new Device(Kind.CUDA, 0);
      case "mps" -> new Device(Kind.MPS, 0);
      default -> {
        if (!name.matches("cuda:\\d+")) {
          throw new IllegalArgumentException("no device is called " + name);
        }
        yield new Device(Kind.CUDA, Integer.parseInt(name.substring(5)));
      }
    };
  }

  /// Number of CUDA cards libtorch can use (0 with the CPU build).
  public static int cudaCards() {
    Libtorch.load();
    return torch.cuda_is_available() ? torch.cuda_device_count() : 0;
  }

  public boolean isCpu() {
    return kind == Kind.CPU;
  }

  /// Waits until all that was asked of the device is done.
  public void await() {
    if (kind == Kind.CUDA) {
      torch.cuda_synchronize(index);
    }
  }

  org.bytedeco.pytorch.Device raw() {
    return new org.bytedeco.pytorch.Device(toString());
  }

  static Device of(org.bytedeco.pytorch.Device raw) {
    if (raw.is_cpu()) {
      return CPU;
    }
    return new Device(raw.is_cuda() ? Kind.CUDA : Kind.MPS, Math.max(0, raw.index()));
  }

  @Override
  public String toString() {
    return switch (kind) {
      case CPU -> "cpu";
      case CUDA -> "cuda:" + index;
      case MPS -> "mps";
    };
  }
}
