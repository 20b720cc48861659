package dev.anima.engine;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;

/// Main memory of this process as Linux counts it; empty elsewhere.
public final class ProcessMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR = Path.of("/proc/self/clear_refs");

  /// Gives free memory of the C library back to the system.
  @SuppressWarnings("restricted") // the program starts with native access
  private static final Optional<MethodHandle> TRIM =
      Linker.nativeLinker()
          .defaultLookup()
          .find("malloc_trim")
          .map(address ->
              Linker.nativeLinker()
                  .downcallHandle(
                      address, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG)));

  /// glibc's `M_MMAP_THRESHOLD` and `M_TRIM_THRESHOLD`.
  private static final int MMAP_THRESHOLD = -3;

  private static final int TRIM_THRESHOLD = -1;

  @SuppressWarnings("restricted")
  private static final Optional<MethodHandle> OPTION =
      Linker.nativeLinker()
          .defaultLookup()
          .find("mallopt")
          .map(address ->
              Linker.nativeLinker()
                  .downcallHandle(
                      address,
                      FunctionDescriptor.of(
                          ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT)));

  private ProcessMemory() {}

  /// Bytes in main memory now.
  public static OptionalLong resident() {
    return read("VmRSS:");
  }

  /// Bytes in main memory now that no file stands behind: heap, stacks, copies of weights.
  public static OptionalLong anonymous() {
    return read("RssAnon:");
  }

  /// Bytes in main memory now that belong to mapped files, such as weights used in place.
  public static OptionalLong fileBacked() {
    return read("RssFile:");
  }

  /// The most bytes ever in main memory, or since [#resetPeak].
  public static OptionalLong peak() {
    return read("VmHWM:");
  }

  /// Bytes that programs may still take: what Linux thinks it can give, less where a control group
  /// has a limit of its own.
  public static OptionalLong available() {
    OptionalLong system = read(Path.of("/proc/meminfo"), "MemAvailable:");
    OptionalLong group = ofGroup();
    return system.isPresent() && group.isPresent()
        ? OptionalLong.of(Math.min(system.getAsLong(), group.getAsLong()))
        : system;
  }

  /// What the control group of this process still allows; empty without a limit.
  private static OptionalLong ofGroup() {
    Path folder = Path.of("/sys/fs/cgroup");
    try {
      String limit = Files.readString(folder.resolve("memory.max")).strip();
      if (!limit.matches("\\d+")) {
        return OptionalLong.empty();
      }
      long used = Long.parseLong(Files.readString(folder.resolve("memory.current")).strip());
      long droppable =
          Files.readAllLines(folder.resolve("memory.stat")).stream()
              .filter(line -> line.startsWith("inactive_file "))
              .mapToLong(line -> Long.parseLong(line.substring("inactive_file ".length())))
              .sum();
      return OptionalLong.of(Math.max(0, Long.parseLong(limit) - used + droppable));
    } catch (IOException | NumberFormatException _) {
      return OptionalLong.empty();
    }
  }

  /// From now on the C library gives blocks of a megabyte and more back to the system as soon as
  /// they are freed, instead of keeping some for later: memory in use is then what tensors need
  /// (measured: 1.3 GB instead of 2.0), but every large tensor starts with fresh pages, which takes
  /// about a tenth of the time of a step.
  ///
  /// @return false if this C library cannot
  public static boolean returnFreedMemory() {
    if (OPTION.isEmpty()) {
      return false;
    }
    try {
      return (int) OPTION.get().invokeExact(MMAP_THRESHOLD, 1 << 20) == 1
          && (int) OPTION.get().invokeExact(TRIM_THRESHOLD, 1 << 20) == 1;
    } catch (Throwable e) { // invokeExact; mallopt itself throws nothing
      throw new IllegalStateException("mallopt cannot be called", e);
    }
  }

  /// Starts to measure the peak anew, from what is really in use.
  ///
  /// @return false if this system cannot
  public static boolean resetPeak() {
    try {
      if (TRIM.isPresent()) {
        int _ = (int) TRIM.get().invokeExact(0L);
      }
      if (!Files.isWritable(CLEAR)) {
        return false;
      }
      Files.writeString(CLEAR, "5");
      return true;
    } catch (IOException e) {
      return false;
    } catch (Throwable e) { // invokeExact; malloc_trim itself throws nothing
      throw new IllegalStateException("malloc_trim cannot be called", e);
    }
  }

  private static OptionalLong read(String key) {
    return read(STATUS, key);
  }

  private static OptionalLong read(Path file, String key) {
    try {
      return Files.readAllLines(file).stream()
          .filter(line -> line.startsWith(key))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }
}
