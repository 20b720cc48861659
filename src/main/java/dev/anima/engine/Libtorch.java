package dev.anima.engine;

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

  public static void threads(int count) {
    torch.set_num_threads(count);
  }
}
