package dev.anima.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/// What the build wrote down about itself (`src/main/launch/launch.properties`).
///
/// @param version of this program
/// @param platform classifier of the native libraries, such as `linux-x86_64-gpu`
/// @param blas library that serves libtorch's matrix products on the CPU, such as `mkl_rt`
/// @param libtorch version of the JavaCPP artifact, such as `2.13.0-1.5.14`
public record Build(String version, String platform, String blas, String libtorch) {
  /// Reads the facts of the running build.
  public static Build current() {
    try (InputStream in = Build.class.getResourceAsStream("launch.properties")) {
      Properties facts = new Properties();
      if (in != null) {
        facts.load(in);
      }
      return new Build(
          fact(facts, "version"),
          fact(facts, "native"),
          fact(facts, "blas"),
          fact(facts, "libtorch"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String fact(Properties facts, String name) {
    return facts.getProperty(name, "unknown");
  }

  /// Whether the build carries libtorch's CUDA kernels.
  public boolean isGpuBuild() {
    return platform.endsWith("-gpu");
  }
}
