package dev.anima.engine;

import java.io.IOException;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;

/// Loads the native library, once, with its chatter turned off.
public final class Libtorch {
  /// Not a class initialiser: what goes wrong must reach every caller as it was.
  private static final FutureTask<String> LOADING =
      new FutureTask<>(() -> {
        // JavaCPP's own logger writes to stderr unasked; through slf4j, simplelogger.properties
        // decides.
        System.setProperty("org.bytedeco.javacpp.logger", "slf4j");
        return loadInTurn();
      });

  /// Processes that load at the same moment disturb each other in JavaCPP's cache of libraries
  /// (seen: one of two did not find jniopenblas), so they take turns; without the lock, if it
  /// cannot be had.
  private static String loadInTurn() {
    Path file = Path.of(System.getProperty("java.io.tmpdir"), "anima-libtorch.lock");
    try (FileChannel channel =
            FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock _ = channel.lock()) {
      return org.bytedeco.javacpp.Loader.load(torch.class);
    } catch (IOException _) { // another user's file, or a system without locks
      return org.bytedeco.javacpp.Loader.load(torch.class);
    }
  }

  private static final int LOG_FATAL_ONLY = 3; // c10's GLOG_FATAL

  private Libtorch() {}

  /// Makes sure that libtorch is loaded. Cheap after the first call.
  ///
  /// @throws UnsatisfiedLinkError if it cannot be
  public static void load() {
    LOADING.run(); // does nothing from the second time on
    try {
      var _ = LOADING.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnsatisfiedLinkError missing) {
        throw missing;
      }
      throw new IllegalStateException("libtorch could not be loaded", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while libtorch was loading", e);
    }
  }

  /// Starts to load on another thread, beside work that needs no native library: it takes about a
  /// second, half of it to look 1800 Java classes up.
  ///
  /// From here to [#load] the caller must not touch classes of `org.bytedeco`: their initialisers
  /// would wait for those on the other thread, and those for them.
  public static void loadInBackground() {
    Thread.ofPlatform().daemon().name("libtorch").start(LOADING);
  }

  /// Threads one operation may use.
  public static int threads() {
    load();
    return torch.get_num_threads();
  }

  /// Sets them, for libtorch's own kernels and for the BLAS behind them (which has a pool of its
  /// own).
  public static void threads(int count) {
    load();
    torch.set_num_threads(count);
    openblas_nolapack.blas_set_num_threads(count);
  }

  /// Whether float32 matrix products on CUDA may round their inputs to TF32: several times faster,
  /// 10 bits of mantissa. Off at first (convolutions may from the start, as in Python); no effect
  /// on the CPU.
  public static void allowTf32(boolean allowed) {
    load();
    torch.globalContext().setAllowTF32CuBLAS(allowed);
  }

  /// What [#allowTf32] said last.
  public static boolean allowsTf32() {
    return torch.globalContext().allowTF32CuBLAS();
  }

  /// The CPU kernels in use, such as `AVX512`.
  public static String cpuCapability() {
    load();
    return torch.get_cpu_capability().getString();
  }

  /// Keeps libtorch's own log off the terminal, where it would put stack traces beside the one
  /// sentence that tells what is wrong. Its errors still come as exceptions.
  @SuppressWarnings("restricted") // the program starts with native access
  static void silenceLog() {
    load();
    SymbolLookup.loaderLookup()
        .find("FLAGS_caffe2_log_level")
        .ifPresent(
            level -> level.reinterpret(Integer.BYTES).set(ValueLayout.JAVA_INT, 0, LOG_FATAL_ONLY));
  }

  /// Whether this build carries CUDA kernels (a card may still be missing).
  public static boolean isCudaBuild() {
    load();
    return torch.hasCUDA();
  }

  /// Whether Apple's GPU can be used.
  public static boolean hasMps() {
    load();
    return torch.hasMPS();
  }
}
