package dev.anima.captions;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// The content of a file. Does not change.
public final class Bytes {
  private final byte[] data;

  private Bytes(byte[] data) {
    this.data = data;
  }

  /// @param data not to be changed any more
  static Bytes of(byte[] data) {
    return new Bytes(data);
  }

  byte[] data() {
    return data;
  }

  /// As UTF-8; what is not UTF-8 shows as replacement characters.
  public String text() {
    return new String(data, StandardCharsets.UTF_8);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Bytes bytes && Arrays.equals(data, bytes.data);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(data);
  }

  @Override
  public String toString() {
    return data.length + " bytes";
  }
}
