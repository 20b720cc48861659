package dev.anima.dataset;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// The text file beside an image: which one it is, and what it says.
public final class CaptionFile {
  /// A face position in a file name has this many parts: `_x_y_w_h`.
  private static final int FACE_PARTS = 4;

  /// What a caption file says.
  ///
  /// @param caption first line, or with wildcards all non-blank lines joined by a newline
  /// @param byteOrderMark whether it starts with U+FEFF, which then belongs to the first tag
  public record Text(String caption, boolean byteOrderMark) {}

  private CaptionFile() {}

  /// The caption file of an image, if there is one: same stem, or the stem without a face position.
  ///
  /// @param image path as text, as the subset spells it
  /// @param extension with or without its leading dot
  public static Optional<Path> find(String image, String extension) {
    String suffix = extension.isEmpty() || extension.startsWith(".") ? extension : "." + extension;
    String stem = stem(image);
    Path plain = Path.of(stem + suffix);
    if (Files.isRegularFile(plain)) {
      return Optional.of(plain);
    }
    // The whole path is split, folders included: so does the reference.
    List<String> parts = PythonStrings.split(stem, "_");
    if (parts.size() > FACE_PARTS) {
      String shorter = String.join("_", parts.subList(0, parts.size() - FACE_PARTS));
      Path withoutFace = Path.of(shorter + suffix);
      if (Files.isRegularFile(withoutFace)) {
        return Optional.of(withoutFace);
      }
    }
    return Optional.empty();
  }

  /// Reads a caption file.
  ///
  /// @param everyLine keep all lines (for wildcards) instead of the first
  /// @throws InputException if it is empty, cannot be read, or is not UTF-8
  public static Text read(Path file, boolean everyLine) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
    if (bytes.length == 0) {
      throw InputException.inFile(
          file, "the caption file is empty; write a caption, or delete it to use class_tokens");
    }
    String text = decode(file, bytes);
    List<String> lines = lines(text);
    String caption =
        everyLine
            ? lines.stream()
                .map(PythonStrings::strip)
                .filter(line -> !line.isEmpty())
                .collect(Collectors.joining("\n"))
            : PythonStrings.strip(lines.getFirst());
    return new Text(caption, text.startsWith("\ufeff"));
  }

  private static String decode(Path file, byte[] bytes) {
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    CoderResult result = decoder.decode(in, out, true);
    if (result.isError()) {
      throw InputException.inFile(
          file,
          "not UTF-8: byte 0x%02x at position %d (line %d); save the caption as UTF-8"
              .formatted(bytes[in.position()], in.position(), lines(out.flip() + "").size()));
    }
    return out.flip().toString();
  }

  private static List<String> lines(String text) {
    List<String> lines = new ArrayList<>(PythonStrings.split(normalised(text), "\n"));
    if (lines.size() > 1 && lines.getLast().isEmpty()) {
      lines.removeLast(); // the end of the last line is not the start of another
    }
    return lines;
  }

  private static String normalised(String text) {
    return text.replace("\r\n", "\n").replace('\r', '\n');
  }

  /// A path without its last extension, as Python's `os.path.splitext` cuts it: leading dots of the
  /// name do not count.
  public static String stem(String path) {
    int nameStart = nameStart(path);
    int dot = path.lastIndexOf('.');
    int firstOther = nameStart;
    while (firstOther < path.length() && path.charAt(firstOther) == '.') {
      firstOther++;
    }
    return dot > firstOther ? path.substring(0, dot) : path;
  }

  /// The part of a path after its last separator, as `os.path.basename`; empty if the path ends
  /// with one.
  public static String name(String path) {
    return path.substring(nameStart(path));
  }

  private static int nameStart(String path) {
    int separator = path.lastIndexOf('/');
    if (java.io.File.separatorChar == '\\') {
      separator = Math.max(separator, path.lastIndexOf('\\'));
    }
    return separator + 1;
  }
}
