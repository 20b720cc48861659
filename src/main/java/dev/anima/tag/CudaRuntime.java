package dev.anima.tag;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The libraries that ONNX Runtime's CUDA provider links to: those of CUDA 12, where libtorch's are
/// of CUDA 13. Asked for first, because the provider is 400 MB to unpack before it can fail.
final class CudaRuntime {
  private static final List<String> LINUX =
      List.of("libcudart.so.12", "libcublasLt.so.12", "libcublas.so.12", "libcudnn.so.9");
  private static final List<String> WINDOWS =
      List.of("cudart64_12.dll", "cublasLt64_12.dll", "cublas64_12.dll", "cudnn64_9.dll");

  private CudaRuntime() {}

  /// The first library that the system does not find; empty if all are there.
  static Optional<String> missing() {
    boolean windows =
        System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("windows");
    return (windows ? WINDOWS : LINUX).stream().filter(name -> !isFound(name)).findFirst();
  }

  @SuppressWarnings("restricted") // loads a library that the provider is about to load anyway
  private static boolean isFound(String name) {
    try (Arena arena = Arena.ofConfined()) {
      var _ = SymbolLookup.libraryLookup(name, arena);
      return true;
    } catch (IllegalArgumentException _) {
      return false;
    }
  }
}
