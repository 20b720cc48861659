package dev.anima.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.CRC32;

/// Zip files without compression, byte for byte as Python's `zipfile` writes them for
/// `numpy.savez`: zip64 fields in every local header, none in the central directory, all dates
/// 1980-01-01. (java.util.zip writes neither.)
final class StoredZip {
  private static final int LOCAL_SIGNATURE = 0x04034b50;
  private static final int CENTRAL_SIGNATURE = 0x02014b50;
  private static final int END_SIGNATURE = 0x06054b50;
  private static final short VERSION_ZIP64 = 45;
  private static final short MADE_ON_UNIX = (short) (3 << 8 | VERSION_ZIP64);
  private static final short UTF8_NAME = 0x800;
  private static final short DATE_1980_01_01 = 0x21;
  private static final short ZIP64_FIELD = 1;
  private static final short ZIP64_FIELD_BYTES = 16;

  /// Permissions of a regular file only its owner may read and write, in the upper half.
  private static final int ATTRIBUTES = 0600 << 16;

  private static final int LOCAL_BYTES = 30;
  private static final int CENTRAL_BYTES = 46;
  private static final int END_BYTES = 22;

  private StoredZip() {}

  /// Writes the members in the order of the map; together they must stay below 4 GiB.
  static void write(FileChannel channel, Map<String, byte[]> members) throws IOException {
    ByteBuffer central = buffer(centralBytes(members));
    long offset = 0;
    for (Map.Entry<String, byte[]> member : members.entrySet()) {
      byte[] name = member.getKey().getBytes(StandardCharsets.UTF_8);
      byte[] bytes = member.getValue();
      short flags = name.length == member.getKey().length() ? 0 : UTF8_NAME;
      CRC32 crc = new CRC32();
      crc.update(bytes);
      ByteBuffer local = buffer(LOCAL_BYTES + name.length + 4 + ZIP64_FIELD_BYTES);
      local.putInt(LOCAL_SIGNATURE).putShort(VERSION_ZIP64);
      putCommon(local, flags, (int) crc.getValue());
      local.putInt(-1).putInt(-1); // the sizes are in the zip64 field
      local.putShort((short) name.length).putShort((short) (4 + ZIP64_FIELD_BYTES)).put(name);
      local.putShort(ZIP64_FIELD).putShort(ZIP64_FIELD_BYTES);
      local.putLong(bytes.length).putLong(bytes.length);

      central.putInt(CENTRAL_SIGNATURE).putShort(MADE_ON_UNIX).putShort(VERSION_ZIP64);
      putCommon(central, flags, (int) crc.getValue());
      central.putInt(bytes.length).putInt(bytes.length).putShort((short) name.length);
      central.putShort((short) 0).putShort((short) 0).putShort((short) 0).putShort((short) 0);
      central.putInt(ATTRIBUTES).putInt((int) offset).put(name);

      offset += local.capacity() + bytes.length;
      checkSize(offset);
      AtomicFiles.writeFully(channel, local.flip());
      AtomicFiles.writeFully(channel, ByteBuffer.wrap(bytes));
    }
    ByteBuffer end = buffer(END_BYTES);
    short count = (short) members.size();
    end.putInt(END_SIGNATURE).putInt(0).putShort(count).putShort(count);
    end.putInt(central.capacity()).putInt((int) offset).putShort((short) 0);
    AtomicFiles.writeFully(channel, central.flip());
    AtomicFiles.writeFully(channel, end.flip());
  }

  /// Flags, method "stored", time, date and check sum: alike in both headers.
  private static void putCommon(ByteBuffer header, short flags, int crc) {
    header.putShort(flags).putShort((short) 0).putShort((short) 0).putShort(DATE_1980_01_01);
    header.putInt(crc);
  }

  private static int centralBytes(Map<String, byte[]> members) {
    int size = 0;
    for (String name : members.keySet()) {
      size += CENTRAL_BYTES + name.getBytes(StandardCharsets.UTF_8).length;
    }
    return size;
  }

  private static void checkSize(long offset) throws IOException {
    if (offset > 0xFFFF_FFFFL) {
      throw new IOException("an .npz file of more than 4 GiB");
    }
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
