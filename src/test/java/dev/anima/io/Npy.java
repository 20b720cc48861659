package dev.anima.io;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;

/// Recorded images: uint8 `.npy` files of shape (H, W, C).
final class Npy {
  private Npy() {}

  static Pixels pixels(Path file) throws IOException {
    try {
      NpyArray array = NpyFormat.decode(Files.readAllBytes(file));
      int height = array.shape().get(0);
      int width = array.shape().get(1);
      int channels = array.shape().get(2);
      return new Pixels(width, height, channels, array.bytes().toArray(ValueLayout.JAVA_BYTE));
    } catch (NpyFormat.MalformedArrayException e) {
      throw new IOException(file + " " + e.getMessage(), e);
    }
  }
}
