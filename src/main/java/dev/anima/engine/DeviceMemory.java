package dev.anima.engine;

import java.util.OptionalLong;
import org.bytedeco.pytorch.SizeTPair;
import org.bytedeco.pytorch.global.torch_cuda;

/// How much memory a device has left.
public final class DeviceMemory {
  private DeviceMemory() {}

  /// Bytes a run on `device` may take: what nobody uses, and what this process has already. Empty
  /// where the system does not tell.
  public static OptionalLong forRun(Device device) {
    return switch (device.kind()) {
      case CPU -> {
        OptionalLong available = ProcessMemory.available();
        OptionalLong own = ProcessMemory.anonymous();
        yield available.isPresent() && own.isPresent()
            ? OptionalLong.of(available.getAsLong() + own.getAsLong())
            : OptionalLong.empty();
      }
      case CUDA -> {
        try (Scope _ = new Scope()) {
          SizeTPair freeAndTotal = torch_cuda.getAllocator().getMemoryInfo((byte) device.index());
          yield OptionalLong.of(freeAndTotal.first());
        }
      }
      case MPS -> OptionalLong.empty();
    };
  }
}
