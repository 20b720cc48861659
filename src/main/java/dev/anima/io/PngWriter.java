package dev.anima.io;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/// Writes PNG files: 8-bit grey, RGB or RGBA by the number of channels, atomically.
public final class PngWriter {
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  private static final int FILTERS = 5;

  private PngWriter() {}

  /// Writes `image` to `file`, replacing an older one only when all is written.
  public static void write(Path file, Pixels image) {
    write(file, image, Map.of());
  }

  /// Writes `image` with text entries (such as the prompt it was made from).
  ///
  /// @param texts keyword (1 to 79 Latin-1 characters) to text
  public static void write(Path file, Pixels image, Map<String, String> texts) {
    AtomicFiles.write(file, encode(image, texts));
  }

  /// The bytes of a PNG file.
  public static byte[] encode(Pixels image) {
    return encode(image, Map.of());
  }

  /// The bytes of a PNG file with text entries.
  public static byte[] encode(Pixels image, Map<String, String> texts) {
    byte colourType =
        switch (image.channels()) {
          case 1 -> 0;
          case 3 -> 2;
          case 4 -> 6;
          default ->
              throw new IllegalArgumentException("a PNG of " + image.channels() + " channels");
        };
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(SIGNATURE);
    ByteBuffer header = ByteBuffer.allocate(13).putInt(image.width()).putInt(image.height());
    header.put((byte) 8).put(colourType).put((byte) 0).put((byte) 0).put((byte) 0);
    writeChunk(out, "IHDR", header.array());
    new LinkedHashMap<>(texts).forEach((keyword, text) -> writeText(out, keyword, text));
    writeChunk(out, "IDAT", compress(image));
    writeChunk(out, "IEND", new byte[0]);
    return out.toByteArray();
  }

  /// International text, uncompressed: keyword, flags, no language, no translation, UTF-8.
  private static void writeText(ByteArrayOutputStream out, String keyword, String text) {
    if (keyword.isEmpty() || keyword.length() > 79) {
      throw new IllegalArgumentException("PNG keyword of " + keyword.length() + " characters");
    }
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    data.writeBytes(keyword.getBytes(StandardCharsets.ISO_8859_1));
    data.writeBytes(new byte[5]);
    data.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    writeChunk(out, "iTXt", data.toByteArray());
  }

  private static void writeChunk(ByteArrayOutputStream out, String type, byte[] data) {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 crc = new CRC32();
    crc.update(name);
    crc.update(data);
    out.writeBytes(ByteBuffer.allocate(8).putInt(data.length).put(name).array());
    out.writeBytes(data);
    out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
  }

  private static byte[] compress(Pixels image) {
    int rowBytes = image.width() * image.channels();
    // level 4 is more than twice as fast as the default of 6, for files of the same size
    Deflater deflater = new Deflater(4);
    deflater.setStrategy(Deflater.FILTERED);
    try {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      byte[] buffer = new byte[1 << 16];
      byte[][] candidates = new byte[FILTERS][1 + rowBytes];
      for (int y = 0; y < image.height(); y++) {
        // the input must stay untouched until the deflater asks for more
        deflater.setInput(filtered(image, y, candidates));
        while (!deflater.needsInput()) {
          out.write(buffer, 0, deflater.deflate(buffer));
        }
      }
      deflater.finish();
      while (!deflater.finished()) {
        out.write(buffer, 0, deflater.deflate(buffer));
      }
      return out.toByteArray();
    } finally {
      deflater.end();
    }
  }

  /// The row under the filter whose bytes, taken as signed, are smallest in sum (the
  /// specification's advice, section 12.7).
  private static byte[] filtered(Pixels image, int y, byte[][] candidates) {
    int rowBytes = image.width() * image.channels();
    int channels = image.channels();
    byte[] data = image.data();
    int row = y * rowBytes;
    long[] cost = new long[FILTERS];
    for (int i = 0; i < rowBytes; i++) {
      int value = data[row + i] & 0xFF;
      int left = i < channels ? 0 : data[row + i - channels] & 0xFF;
      int above = y == 0 ? 0 : data[row + i - rowBytes] & 0xFF;
      int aboveLeft = y == 0 || i < channels ? 0 : data[row + i - rowBytes - channels] & 0xFF;
      put(candidates, cost, 0, i, value);
      put(candidates, cost, 1, i, value - left);
      put(candidates, cost, 2, i, value - above);
      put(candidates, cost, 3, i, value - ((left + above) >> 1));
      put(candidates, cost, 4, i, value - PngFilters.paeth(left, above, aboveLeft));
    }
    int best = 0;
    for (int filter = 1; filter < FILTERS; filter++) {
      if (cost[filter] < cost[best]) {
        best = filter;
      }
    }
    candidates[best][0] = (byte) best;
    return candidates[best];
  }

  private static void put(byte[][] candidates, long[] cost, int filter, int i, int value) {
    byte filtered = (byte) value;
    candidates[filter][1 + i] = filtered;
    cost[filter] += Math.abs(filtered);
  }
}
