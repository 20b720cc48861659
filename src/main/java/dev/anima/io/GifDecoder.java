package dev.anima.io;

import java.io.IOException;
import java.util.Arrays;

/// First frame of a GIF file (GIF89a specification), as Pillow shows it: on a canvas of the
/// transparent colour, or of colour 0 if there is none.
final class GifDecoder {
  private static final int MAX_CODES = 4096;
  private static final int OPAQUE = 0xFF000000;

  private GifDecoder() {}

  /// Where the first frame lies; `palette` and `data` are file offsets, `palette` is -1 for grey.
  record Frame(
      int screenWidth,
      int screenHeight,
      int x,
      int y,
      int width,
      int height,
      boolean interlaced,
      long palette,
      int paletteSize,
      int transparent,
      long data) {}

  static Frame firstFrame(ImageBytes bytes) throws IOException, MalformedImageException {
    int flags = bytes.u8(10);
    long palette = -1;
    int paletteSize = 0;
    long at = 13;
    if ((flags & 0x80) != 0) {
      palette = at;
      paletteSize = 2 << (flags & 7);
      at += 3L * paletteSize;
    }
    int transparent = -1;
    while (bytes.u8(at) != ',') {
      int kind = bytes.u8(at);
      if (kind == ';') {
        throw new MalformedImageException("is a GIF without a picture");
      }
      if (kind == '!') {
        boolean graphicControl = bytes.u8(at + 1) == 0xF9 && bytes.u8(at + 2) >= 4;
        if (graphicControl && (bytes.u8(at + 3) & 1) != 0) {
          transparent = bytes.u8(at + 6);
        }
        at = afterBlocks(bytes, at + 2);
      } else {
        at++; // tolerated, as Pillow does
      }
    }
    int x = bytes.u16le(at + 1);
    int y = bytes.u16le(at + 3);
    int width = bytes.u16le(at + 5);
    int height = bytes.u16le(at + 7);
    int frameFlags = bytes.u8(at + 9);
    at += 10;
    if ((frameFlags & 0x80) != 0) {
      palette = at;
      paletteSize = 2 << (frameFlags & 7);
      at += 3L * paletteSize;
    }
    return new Frame(
        Math.max(bytes.u16le(6), x + width),
        Math.max(bytes.u16le(8), y + height),
        x,
        y,
        width,
        height,
        (frameFlags & 0x40) != 0,
        palette,
        paletteSize,
        transparent,
        at);
  }

  private static long afterBlocks(ImageBytes bytes, long from)
      throws IOException, MalformedImageException {
    long at = from;
    while (bytes.u8(at) != 0) {
      at += 1 + bytes.u8(at);
    }
    return at + 1;
  }

  static Pixels decode(byte[] file, boolean withAlpha) throws IOException, MalformedImageException {
    ImageBytes bytes = ImageBytes.of(file);
    Frame frame = firstFrame(bytes);
    int[] colours = colours(bytes, frame);
    byte[] canvas = new byte[frame.screenWidth() * frame.screenHeight()];
    Arrays.fill(canvas, (byte) Math.max(frame.transparent(), 0));
    byte[] indices = indices(bytes, frame);
    for (int row = 0; row < frame.height(); row++) {
      int y = frame.y() + (frame.interlaced() ? interlacedRow(row, frame.height()) : row);
      int to = y * frame.screenWidth() + frame.x();
      System.arraycopy(indices, row * frame.width(), canvas, to, frame.width());
    }
    return Palette.apply(canvas, frame.screenWidth(), frame.screenHeight(), colours, withAlpha);
  }

  private static int[] colours(ImageBytes bytes, Frame frame)
      throws IOException, MalformedImageException {
    int[] colours = Palette.black();
    if (frame.palette() < 0) {
      Arrays.setAll(colours, i -> OPAQUE | i << 16 | i << 8 | i);
    }
    for (int i = 0; i < frame.paletteSize(); i++) {
      long at = frame.palette() + 3L * i;
      colours[i] = OPAQUE | bytes.u8(at) << 16 | bytes.u8(at + 1) << 8 | bytes.u8(at + 2);
    }
    if (frame.transparent() >= 0) {
      colours[frame.transparent()] &= ~OPAQUE;
    }
    return colours;
  }

  /// Rows are stored as every 8th, every 8th from 4, every 4th from 2, every 2nd from 1.
  private static int interlacedRow(int stored, int height) {
    int row = stored;
    int[] starts = {0, 4, 2, 1};
    int[] steps = {8, 8, 4, 2};
    for (int pass = 0; pass < 4; pass++) {
      int rows = Math.max(0, Math.ceilDiv(height - starts[pass], steps[pass]));
      if (row < rows) {
        return starts[pass] + row * steps[pass];
      }
      row -= rows;
    }
    throw new IllegalArgumentException("row " + stored + " of " + height);
  }

  /// LZW with codes of growing width, in blocks of at most 255 bytes.
  private static byte[] indices(ImageBytes bytes, Frame frame)
      throws IOException, MalformedImageException {
    byte[] out = new byte[frame.width() * frame.height()];
    int rootBits = bytes.u8(frame.data());
    if (rootBits < 1 || rootBits > 8) {
      throw new MalformedImageException("is a damaged GIF (code size " + rootBits + ")");
    }
    Codes codes = new Codes(bytes, frame.data() + 1);
    int clear = 1 << rootBits;
    int[] prefix = new int[MAX_CODES];
    byte[] suffix = new byte[MAX_CODES];
    byte[] stack = new byte[MAX_CODES + 1];
    int bits = rootBits + 1;
    int next = clear + 2;
    int previous = -1;
    byte first = 0;
    int n = 0;
    while (n < out.length) {
      int code = codes.next(bits);
      if (code == clear) {
        bits = rootBits + 1;
        next = clear + 2;
        previous = -1;
        continue;
      }
      if (code == clear + 1 || code < 0) {
        throw MalformedImageException.cutOff();
      }
      if (code > next || (code == next && previous < 0)) {
        throw new MalformedImageException("is a damaged GIF (impossible code)");
      }
      int depth = 0;
      int at = code;
      if (code == next) {
        stack[depth++] = first;
        at = previous;
      }
      while (at >= clear) {
        stack[depth++] = suffix[at];
        at = prefix[at];
      }
      first = (byte) at;
      stack[depth++] = first;
      while (depth > 0 && n < out.length) {
        out[n++] = stack[--depth];
      }
      if (previous >= 0 && next < MAX_CODES) {
        prefix[next] = previous;
        suffix[next] = first;
        next++;
        if (next == 1 << bits && bits < 12) {
          bits++;
        }
      }
      previous = code;
    }
    return out;
  }

  /// Codes, lowest bit first, across the data blocks.
  private static final class Codes {
    private final ImageBytes bytes;
    private long at;
    private int blockLeft;
    private int held;
    private int heldBits;

    Codes(ImageBytes bytes, long at) {
      this.bytes = bytes;
      this.at = at;
    }

    /// -1 after the last block.
    int next(int bits) throws IOException, MalformedImageException {
      while (heldBits < bits) {
        if (blockLeft == 0) {
          blockLeft = bytes.u8(at++);
          if (blockLeft == 0) {
            return -1;
          }
        }
        held |= bytes.u8(at++) << heldBits;
        heldBits += 8;
        blockLeft--;
      }
      int code = held & ((1 << bits) - 1);
      held >>>= bits;
      heldBits -= bits;
      return code;
    }
  }
}
