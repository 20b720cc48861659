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
    try {
      return Files.readAllLines(STATUS).stream()
          .filter(line -> line.startsWith(key))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }
}
