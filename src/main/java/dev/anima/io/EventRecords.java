package dev.anima.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/// TFRecord framing: length, its check sum, data, its check sum; all little endian.
final class EventRecords {
  /// Length (8 bytes) and its check sum (4).
  static final int PREFIX_BYTES = 12;

  static final int SUFFIX_BYTES = 4;

  private EventRecords() {}

  static ByteBuffer frame(byte[] data) {
    ByteBuffer record =
        ByteBuffer.allocate(PREFIX_BYTES + data.length + SUFFIX_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(data.length);
    record.putInt(maskedCrc(record.slice(0, Long.BYTES)));
    record.put(data);
    record.putInt(maskedCrc(ByteBuffer.wrap(data)));
    return record.flip();
  }

  /// CRC-32C, rotated and moved so that a check sum over data with check sums in it stays useful.
  static int maskedCrc(ByteBuffer data) {
    CRC32C crc = new CRC32C();
    crc.update(data);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }
}
