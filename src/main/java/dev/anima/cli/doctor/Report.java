package dev.anima.cli.doctor;

import java.util.List;
import java.util.Map;

/// What `anima doctor` found; `--json` prints it as it is.
///
/// @param advice what to do about what is missing, most urgent first; empty when all is well
record Report(
    String version,
    Machine machine,
    Jdk jdk,
    Libtorch libtorch,
    List<String> devices,
    List<Card> cards,
    Memory memory,
    List<Disk> disks,
    List<Model> models,
    Cuda cuda,
    List<String> advice) {

  record Machine(String system, String architecture, String processor, int cores) {}

  record Jdk(String version, String vendor, String home, long maxHeapBytes) {}

  /// @param build `CPU` or `CUDA`
  /// @param blas what serves matrix products on the CPU
  /// @param cpuKernels such as `AVX512`; empty if libtorch could not be loaded
  /// @param threads that one operation may use
  /// @param error why it could not be loaded; empty if it was
  record Libtorch(
      String version, String build, String blas, String cpuKernels, int threads, String error) {}

  /// An NVIDIA card as its driver reports it, whether or not libtorch can use it.
  record Card(String name, long memoryBytes, String driver) {}

  record Memory(long totalBytes, long availableBytes) {}

  record Disk(String use, String path, long freeBytes) {}

  record Model(
      String kind,
      String flag,
      String path,
      long bytes,
      String dtype,
      String detail,
      boolean fits) {}

  /// @param driver whether an NVIDIA driver is installed
  /// @param found library to folder
  record Cuda(boolean driver, Map<String, String> found, List<String> missing) {}
}
