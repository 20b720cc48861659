package dev.anima.io;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/// PNG files of every colour type and depth, to 8-bit RGB or RGBA exactly as Pillow converts them.
/// Gamma and colour profiles are ignored; of an animation the default picture is taken.
///
/// Source: PNG specification (third edition); the conversions are in [PngRows].
final class PngDecoder {
  private static final int SIGNATURE_BYTES = 8;

  /// More than deflate can expand one byte to.
  private static final long MAX_EXPANSION = 1100;

  private static final int[] PASS_X = {0, 4, 0, 2, 0, 1, 0};
  private static final int[] PASS_Y = {0, 0, 4, 0, 2, 0, 1};
  private static final int[] PASS_STEP_X = {8, 8, 4, 4, 2, 2, 1};
  private static final int[] PASS_STEP_Y = {8, 8, 8, 4, 4, 2, 2};

  private final ByteBuffer file;
  private final List<ByteBuffer> compressed = new ArrayList<>();
  private int nextCompressed;
  private @Nullable PngRows rows;
  private boolean interlaced;

  private PngDecoder(byte[] file) {
    this.file = ByteBuffer.wrap(file);
  }

  static Pixels decode(byte[] file, boolean withAlpha) throws MalformedImageException {
    PngDecoder decoder = new PngDecoder(file);
    decoder.readChunks(withAlpha);
    Inflater inflater = new Inflater();
    try {
      return decoder.decodeRows(inflater);
    } finally {
      inflater.end();
    }
  }

  private void readChunks(boolean withAlpha) throws MalformedImageException {
    file.position(SIGNATURE_BYTES);
    while (file.remaining() >= 8) {
      long length = Integer.toUnsignedLong(file.getInt());
      int start = file.position();
      int type = file.getInt();
      if (length > file.remaining() - 4L) {
        if (type == chunk("IDAT")) {
          compressed.add(file.slice()); // may still hold all of the picture
          return;
        }
        throw MalformedImageException.cutOff();
      }
      ByteBuffer data = file.slice(file.position(), (int) length);
      file.position(file.position() + (int) length);
      int crc = file.getInt();
      if (type == chunk("IEND")) {
        return;
      }
      if (isUsed(type)) {
        checkCrc(start, (int) length + 4, crc);
        use(type, data, withAlpha);
      }
    }
  }

  private static boolean isUsed(int type) {
    return type == chunk("IHDR")
        || type == chunk("PLTE")
        || type == chunk("tRNS")
        || type == chunk("IDAT");
  }

  private void use(int type, ByteBuffer data, boolean withAlpha) throws MalformedImageException {
    if (type == chunk("IHDR")) {
      rows = header(data, withAlpha);
    } else if (type == chunk("IDAT")) {
      compressed.add(data);
    } else if (type == chunk("PLTE")) {
      rows().palette(data);
    } else {
      rows().transparency(data);
    }
  }

  private PngRows header(ByteBuffer data, boolean withAlpha) throws MalformedImageException {
    if (data.remaining() < 13) {
      throw new MalformedImageException("is a PNG with a damaged header");
    }
    int width = data.getInt();
    int height = data.getInt();
    int depth = data.get();
    int colourType = data.get();
    data.getShort(); // compression and filter method: only 0 exists
    interlaced = data.get() != 0;
    return PngRows.of(width, height, depth, colourType, withAlpha);
  }

  private PngRows rows() throws MalformedImageException {
    if (rows == null) {
      throw new MalformedImageException("is a PNG without a header");
    }
    return rows;
  }

  private void checkCrc(int start, int length, int expected) throws MalformedImageException {
    CRC32 crc = new CRC32();
    crc.update(file.slice(start, length));
    if ((int) crc.getValue() != expected) {
      throw new MalformedImageException("is a damaged PNG (wrong check sum)");
    }
  }

  private static int chunk(String name) {
    return name.charAt(0) << 24 | name.charAt(1) << 16 | name.charAt(2) << 8 | name.charAt(3);
  }

  private Pixels decodeRows(Inflater inflater) throws MalformedImageException {
    PngRows target = rows();
    long bytes = compressed.stream().mapToLong(ByteBuffer::remaining).sum();
    if ((long) target.rowBytes(target.width()) * target.height() > bytes * MAX_EXPANSION) {
      throw MalformedImageException
          .cutOff(); // before memory is taken for a picture that is not there
    }
    Pixels image = Pixels.blank(target.width(), target.height(), target.outChannels());
    if (!interlaced) {
      decodePass(inflater, target, image, 0, 0, 1, 1);
      return image;
    }
    for (int pass = 0; pass < PASS_X.length; pass++) {
      decodePass(
          inflater,
          target,
          image,
          PASS_X[pass],
          PASS_Y[pass],
          PASS_STEP_X[pass],
          PASS_STEP_Y[pass]);
    }
    return image;
  }

  private void decodePass(
      Inflater inflater, PngRows target, Pixels image, int x0, int y0, int stepX, int stepY)
      throws MalformedImageException {
    int count = Math.ceilDiv(target.width() - x0, stepX);
    if (count <= 0) {
      return;
    }
    int rowBytes = target.rowBytes(count);
    byte[] previous = new byte[1 + rowBytes];
    byte[] current = new byte[1 + rowBytes];
    for (int y = y0; y < target.height(); y += stepY) {
      inflate(inflater, current);
      PngFilters.undo(current, previous, target.pixelBytes());
      target.expand(current, count, image.data(), y * target.width() + x0, stepX);
      byte[] swap = previous;
      previous = current;
      current = swap;
    }
  }

  private void inflate(Inflater inflater, byte[] row) throws MalformedImageException {
    int filled = 0;
    try {
      while (filled < row.length) {
        if (inflater.finished() || inflater.needsDictionary()) {
          throw new MalformedImageException("is a damaged PNG (rows are missing)");
        }
        if (inflater.needsInput()) {
          if (nextCompressed == compressed.size()) {
            throw MalformedImageException.cutOff();
          }
          inflater.setInput(compressed.get(nextCompressed++));
        }
        filled += inflater.inflate(row, filled, row.length - filled);
      }
    } catch (DataFormatException e) {
      throw new MalformedImageException("is a damaged PNG (" + e.getMessage() + ")");
    }
  }
}
