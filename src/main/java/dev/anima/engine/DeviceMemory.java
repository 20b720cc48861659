package dev.anima.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;

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
      case CUDA -> ofCard(device.index());
      case MPS -> OptionalLong.empty();
    };
  }

  /// As the driver's own tool tells it: libtorch's figure needs JavaCPP's CUDA binding, which is
  /// not there. The tool counts all cards, `CUDA_VISIBLE_DEVICES` or not.
  private static OptionalLong ofCard(int index) {
    try {
      Process tool =
          new ProcessBuilder(
                  "nvidia-smi",
                  "--query-gpu=memory.free",
                  "--format=csv,noheader,nounits",
                  "--id=" + index)
              .redirectErrorStream(true)
              .start();
      String text =
          new String(tool.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return text.matches("\\d{1,9}")
          ? OptionalLong.of(Long.parseLong(text) << 20) // it counts in MiB
          : OptionalLong.empty();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }
}
