package dev.anima.cli.setup;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/// Tiny wheels with made-up libraries.
final class FakeWheels {
  private static final Map<String, byte[]> CONTENT = new ConcurrentHashMap<>();

  /// Incompressible, so that the wheel is long enough to be cut.
  static final byte[] BLAS_LIBRARY = random(300_000);

  static final Wheel RUNTIME =
      wheel(
          "nvidia-cuda-runtime",
          "nvidia_cuda_runtime-13.3.29-py3-none-linux.whl",
          zip(
              Map.of(
                  "nvidia/cu13/lib/libcudart.so.13", "runtime".getBytes(StandardCharsets.UTF_8),
                  "nvidia/cu13/include/cuda.h", "no library".getBytes(StandardCharsets.UTF_8),
                  "nvidia/__init__.py", new byte[0])));

  static final Wheel BLAS =
      wheel(
          "nvidia-cublas",
          "nvidia_cublas-13.6.0.2-py3-none-linux.whl",
          zip(
              Map.of(
                  "nvidia/cu13/lib/libcublas.so.13",
                  BLAS_LIBRARY,
                  "nvidia/cu13/lib/libcublasLt.so.13",
                  new byte[] {1, 2, 3})));

  static final List<Wheel> ALL = List.of(RUNTIME, BLAS);

  private FakeWheels() {}

  static byte[] content(Wheel wheel) {
    return content(wheel.file());
  }

  static byte[] content(String file) {
    return Objects.requireNonNull(CONTENT.get(file), file);
  }

  static Wheel wheel(String project, String file, byte[] content) {
    CONTENT.put(file, content);
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
      return new Wheel(
          "linux-x86_64", project, file, content.length, HexFormat.of().formatHex(digest));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  static byte[] zip(Map<String, byte[]> files) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        zip.putNextEntry(new ZipEntry(file.getKey()));
        zip.write(file.getValue());
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return bytes.toByteArray();
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(1).nextBytes(bytes);
    return bytes;
  }
}
