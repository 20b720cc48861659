package dev.anima.captions;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// The text of a caption file: the first line is what training reads (unless wildcards are on) and
/// what edits change; everything from its line end on stays as it is.
///
/// @param byteOrderMark whether the file begins with U+FEFF, which is not part of `line`
/// @param line without its line end
/// @param rest from the first line end to the end of the file
public record CaptionText(boolean byteOrderMark, String line, String rest) {
  private static final String MARK = "\ufeff";

  /// @param text of a whole file, as decoded
  public static CaptionText of(String text) {
    boolean marked = text.startsWith(MARK);
    int start = marked ? 1 : 0;
    int end = start;
    while (end < text.length() && text.charAt(end) != '\n' && text.charAt(end) != '\r') {
      end++;
    }
    return new CaptionText(marked, text.substring(start, end), text.substring(end));
  }

  /// @throws CharacterCodingException if the bytes are not text in `encoding`
  static CaptionText decode(byte[] bytes, Charset encoding) throws CharacterCodingException {
    String quick = new String(bytes, encoding);
    if (quick.indexOf('\ufffd') < 0) {
      return of(quick); // nothing had to be replaced
    }
    return of(
        encoding
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT)
            .decode(ByteBuffer.wrap(bytes))
            .toString());
  }

  /// With another first line and, as every file we write, without a byte order mark.
  CaptionText withLine(String other) {
    return new CaptionText(false, other, rest);
  }

  /// UTF-8.
  byte[] bytes() {
    return ((byteOrderMark ? MARK : "") + line + rest).getBytes(StandardCharsets.UTF_8);
  }

  /// Whether there is text after the first line.
  public boolean isMultiline() {
    return !rest.isBlank();
  }

  /// Whether there is no text at all.
  public boolean isBlank() {
    return line.isBlank() && rest.isBlank();
  }
}
