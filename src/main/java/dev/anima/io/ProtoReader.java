package dev.anima.io;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// Walks over the fields of one protocol buffer message. Unknown fields are skipped by asking for
/// the next one.
///
/// Malformed input ends in a [BufferUnderflowException] or [IllegalArgumentException].
final class ProtoReader {
  private final ByteBuffer in;
  private int wireType = -1;
  private boolean pending;

  ProtoReader(ByteBuffer message) {
    in = message.slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  /// The number of the next field, 0 at the end.
  int nextField() {
    if (pending) {
      skip();
    }
    if (!in.hasRemaining()) {
      return 0;
    }
    long key = rawVarint();
    wireType = (int) key & 7;
    pending = true;
    return (int) (key >>> 3);
  }

  long varint() {
    expect(0);
    return rawVarint();
  }

  double fixedDouble() {
    expect(1);
    return in.getDouble();
  }

  float fixedFloat() {
    expect(5);
    return in.getFloat();
  }

  ByteBuffer bytes() {
    expect(2);
    return rawBytes();
  }

  String string() {
    return StandardCharsets.UTF_8.decode(bytes()).toString();
  }

  ProtoReader message() {
    return new ProtoReader(bytes());
  }

  private void expect(int type) {
    if (wireType != type || !pending) {
      throw new IllegalArgumentException("wire type " + wireType + " where " + type + " belongs");
    }
    pending = false;
  }

  private void skip() {
    pending = false;
    switch (wireType) {
      case 0 -> rawVarint();
      case 1 -> in.getDouble();
      case 2 -> rawBytes();
      case 5 -> in.getFloat();
      default -> throw new IllegalArgumentException("wire type " + wireType);
    }
  }

  private ByteBuffer rawBytes() {
    long length = rawVarint();
    if (length < 0 || length > in.remaining()) {
      throw new BufferUnderflowException();
    }
    ByteBuffer bytes = in.slice(in.position(), (int) length);
    in.position(in.position() + (int) length);
    return bytes;
  }

  private long rawVarint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      byte b = in.get();
      value |= (long) (b & 0x7F) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("a number of more than 64 bits");
  }
}
