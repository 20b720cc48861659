package dev.anima.io;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// Protocol buffer wire format, as little of it as event files need.
final class ProtoWriter {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH_DELIMITED = 2;
  private static final int FIXED32 = 5;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  ProtoWriter varint(int field, long value) {
    rawVarint((long) field << 3 | VARINT);
    rawVarint(value);
    return this;
  }

  ProtoWriter fixedDouble(int field, double value) {
    rawVarint((long) field << 3 | FIXED64);
    out.writeBytes(buffer(Double.BYTES).putDouble(value).array());
    return this;
  }

  ProtoWriter fixedFloat(int field, float value) {
    rawVarint((long) field << 3 | FIXED32);
    out.writeBytes(buffer(Float.BYTES).putFloat(value).array());
    return this;
  }

  ProtoWriter bytes(int field, byte[] value) {
    rawVarint((long) field << 3 | LENGTH_DELIMITED);
    rawVarint(value.length);
    out.writeBytes(value);
    return this;
  }

  ProtoWriter string(int field, String value) {
    return bytes(field, value.getBytes(StandardCharsets.UTF_8));
  }

  ProtoWriter message(int field, ProtoWriter value) {
    return bytes(field, value.toBytes());
  }

  byte[] toBytes() {
    return out.toByteArray();
  }

  private void rawVarint(long value) {
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      out.write((int) ((rest & 0x7F) | 0x80));
      rest >>>= 7;
    }
    out.write((int) rest);
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
