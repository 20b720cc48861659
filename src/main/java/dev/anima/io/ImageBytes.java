package dev.anima.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Reads numbers at given places of an image file, loading only the neighbourhood of each: headers
/// of thousands of large files are looked at without reading the files.
final class ImageBytes implements AutoCloseable {
  private static final int WINDOW_BYTES = 4096;

  private final @Nullable FileChannel channel;
  private final long size;
  private byte[] window;
  private long windowStart;

  private ImageBytes(@Nullable FileChannel channel, long size, byte[] window) {
    this.channel = channel;
    this.size = size;
    this.window = window;
  }

  @SuppressWarnings("MustBeClosedChecker") // the channel is closed by close()
  static ImageBytes open(Path file) throws IOException {
    FileChannel channel = FileChannel.open(file);
    return new ImageBytes(channel, channel.size(), new byte[0]);
  }

  static ImageBytes of(byte[] file) {
    return new ImageBytes(null, file.length, file);
  }

  long size() {
    return size;
  }

  /// The byte at `at`, 0..255.
  int u8(long at) throws IOException, MalformedImageException {
    if (at < 0 || at >= size) {
      throw MalformedImageException.cutOff();
    }
    long inWindow = at - windowStart;
    if (inWindow < 0 || inWindow >= window.length) {
      load(at);
      inWindow = 0;
    }
    return window[(int) inWindow] & 0xFF;
  }

  private void load(long at) throws IOException, MalformedImageException {
    if (channel == null) {
      throw MalformedImageException.cutOff();
    }
    byte[] loaded = new byte[(int) Math.min(WINDOW_BYTES, size - at)];
    ByteBuffer buffer = ByteBuffer.wrap(loaded);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, at + buffer.position()) < 0) {
        throw MalformedImageException.cutOff(); // the file became shorter meanwhile
      }
    }
    window = loaded;
    windowStart = at;
  }

  int u16be(long at) throws IOException, MalformedImageException {
    return u8(at) << 8 | u8(at + 1);
  }

  int u16le(long at) throws IOException, MalformedImageException {
    return u8(at) | u8(at + 1) << 8;
  }

  int u24le(long at) throws IOException, MalformedImageException {
    return u16le(at) | u8(at + 2) << 16;
  }

  long u32be(long at) throws IOException, MalformedImageException {
    return (long) u16be(at) << 16 | u16be(at + 2);
  }

  long u32le(long at) throws IOException, MalformedImageException {
    return u16le(at) | (long) u16le(at + 2) << 16;
  }

  /// Whether the bytes at `at` are the Latin-1 characters of `text`; false beyond the end.
  boolean has(long at, String text) throws IOException, MalformedImageException {
    if (at + text.length() > size) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      if (u8(at + i) != text.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() throws IOException {
    if (channel != null) {
      channel.close();
    }
  }
}
