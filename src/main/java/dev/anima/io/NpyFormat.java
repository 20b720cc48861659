package dev.anima.io;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The `.npy` format: a magic word, a version, a Python dictionary as text, the elements.
///
/// Source: numpy's format description (NEP 1); versions 1.0, 2.0 and 3.0 are read, 1.0 is written.
final class NpyFormat {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int ALIGNMENT = 64;

  /// numpy reserves this many characters for the first extent, so that files can grow in place.
  private static final int GROWTH_DIGITS = 21;

  private static final Pattern DESCRIPTOR = Pattern.compile("['\"]descr['\"]\\s*:\\s*'([^']*)'");
  private static final Pattern ORDER =
      Pattern.compile("['\"]fortran_order['\"]\\s*:\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("['\"]shape['\"]\\s*:\\s*\\(([^)]*)\\)");

  private NpyFormat() {}

  /// What is wrong with an array, without the file's name.
  static final class MalformedArrayException extends Exception {
    private static final long serialVersionUID = 1L;

    MalformedArrayException(String message) {
      super(message);
    }
  }

  static byte[] encode(NpyArray array) {
    byte[] header = header(array);
    byte[] file = new byte[Math.toIntExact(header.length + array.bytes().byteSize())];
    System.arraycopy(header, 0, file, 0, header.length);
    MemorySegment.ofArray(file).asSlice(header.length).copyFrom(array.bytes());
    return file;
  }

  private static byte[] header(NpyArray array) {
    List<Integer> shape = array.shape();
    String extents = shape.stream().map(String::valueOf).collect(Collectors.joining(", "));
    StringBuilder text =
        new StringBuilder("{'descr': '")
            .append(array.type().descriptor())
            .append("', 'fortran_order': False, 'shape': (")
            .append(extents)
            .append(shape.size() == 1 ? "," : "")
            .append("), }");
    if (!shape.isEmpty()) {
      text.repeat(' ', GROWTH_DIGITS - String.valueOf(shape.getFirst()).length());
    }
    int prefix = MAGIC.length + 2 + Short.BYTES;
    int unpadded = prefix + text.length() + 1;
    text.repeat(' ', ALIGNMENT - unpadded % ALIGNMENT).append('\n');
    return ByteBuffer.allocate(prefix + text.length())
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .put((byte) 1)
        .put((byte) 0)
        .putShort((short) text.length())
        .put(text.toString().getBytes(StandardCharsets.US_ASCII))
        .array();
  }

  static NpyArray decode(byte[] file) throws MalformedArrayException {
    ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    if (file.length < MAGIC.length + 4 || !startsWithMagic(file)) {
      throw new MalformedArrayException("is not a numpy array");
    }
    int version = file[MAGIC.length];
    bytes.position(MAGIC.length + 2);
    if (version < 1 || version > 3 || (version > 1 && bytes.remaining() < Integer.BYTES)) {
      throw new MalformedArrayException("has the unknown .npy version " + version);
    }
    long headerLength =
        version == 1
            ? Short.toUnsignedInt(bytes.getShort())
            : Integer.toUnsignedLong(bytes.getInt());
    if (headerLength > bytes.remaining()) {
      throw new MalformedArrayException("is cut off in its header");
    }
    byte[] text = new byte[(int) headerLength];
    bytes.get(text);
    String header = new String(text, StandardCharsets.UTF_8);
    NpyType type = type(header);
    List<Integer> shape = shape(header);
    if (group(ORDER, header).equals("True") && shape.size() > 1) {
      throw new MalformedArrayException("is stored in Fortran order, expected C order");
    }
    MemorySegment data = MemorySegment.ofArray(file).asSlice(bytes.position());
    try {
      return new NpyArray(type, shape, data);
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new MalformedArrayException("is damaged: " + e.getMessage());
    }
  }

  private static boolean startsWithMagic(byte[] file) {
    return Arrays.equals(file, 0, MAGIC.length, MAGIC, 0, MAGIC.length);
  }

  private static NpyType type(String header) throws MalformedArrayException {
    String descriptor = group(DESCRIPTOR, header);
    return NpyType.described(descriptor)
        .orElseThrow(() ->
            new MalformedArrayException(
                "holds elements of type "
                    + descriptor
                    + ", expected little-endian f2, f4, f8, i4, i8, u1 or b1"));
  }

  private static List<Integer> shape(String header) throws MalformedArrayException {
    String extents = group(SHAPE, header);
    List<Integer> shape = new ArrayList<>();
    for (String extent : extents.split(",", -1)) {
      // Python 2 wrote long integers as 12L
      String digits = extent.strip().replace("L", "");
      if (digits.isEmpty()) {
        continue; // the comma behind the only extent
      }
      try {
        shape.add(Integer.parseUnsignedInt(digits));
      } catch (NumberFormatException _) {
        throw new MalformedArrayException("has the impossible shape (" + extents + ")");
      }
      if (shape.getLast() < 0) {
        throw new MalformedArrayException("has the impossible shape (" + extents + ")");
      }
    }
    return shape;
  }

  private static String group(Pattern pattern, String header) throws MalformedArrayException {
    Matcher matcher = pattern.matcher(header);
    if (!matcher.find()) {
      throw new MalformedArrayException("has an unreadable header: " + header.strip());
    }
    return matcher.group(1);
  }
}
