package dev.anima.engine;

import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;

/// Loads the native library, once, with its chatter turned off.
public final class Libtorch {
  static {
    // JavaCPP's own logger writes to stderr unasked; through slf4j, simplelogger.properties
    // decides.
    System.setProperty("org.bytedeco.javacpp.logger", "slf4j");
    org.bytedeco.javacpp.Loader.load(torch.class);
  }

  private Libtorch() {}

  /// Makes sure that libtorch is loaded. Cheap after the first call.
  public static void load() {}

  /// Threads one operation may use.
  public static int threads() {
    return torch.get_num_threads();
  }

  /// Sets them, for libtorch's own kernels and for the BLAS behind them (which has a pool of its
  /// own).
  public static void threads(int count) {
    torch.set_num_threads(count);
    openblas_nolapack.blas_set_num_threads(count);
  }

  /// Whether float32 matrix products on CUDA may round their inputs to TF32: several times faster,
  /// 10 bits of mantissa. Off at first (convolutions may from the start, as in Python); no effect
  /// on the CPU.
  public static void allowTf32(boolean allowed) {
    torch.globalContext().setAllowTF32CuBLAS(allowed);
  }

  /// What [#allowTf32] said last.
  public static boolean allowsTf32() {
    return torch.globalContext().allowTF32CuBLAS();
  }

  /// The CPU kernels in use, such as `AVX512`.
  public static String cpuCapability() {
    return torch.get_cpu_capability().getString();
  }

  /// Whether this build carries CUDA kernels (a card may still be missing).
  public static boolean isCudaBuild() {
    return torch.hasCUDA();
  }

  /// Whether Apple's GPU can be used.
  public static boolean hasMps() {
    return torch.hasMPS();
  }
}
