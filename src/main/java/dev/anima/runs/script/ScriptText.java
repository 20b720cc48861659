package dev.anima.runs.script;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// The lines of a script file, without their ends.
record ScriptText(Path file, List<String> lines) {
  /// No script is larger; a model named by mistake is.
  private static final long LARGEST = 4 << 20;

  ScriptText {
    lines = List.copyOf(lines);
  }

  /// Reads a file in UTF-8, in UTF-16 with a mark (as PowerShell writes it), or else in the western
  /// code page of Windows.
  ///
  /// @throws InputException if there is no such file or it is no text
  static ScriptText read(Path file) {
    if (!Files.exists(file)) {
      throw new InputException("%s does not exist".formatted(file));
    }
    if (!Files.isRegularFile(file)) {
      throw new InputException("%s is not a file".formatted(file));
    }
    try {
      if (Files.size(file) > LARGEST) {
        throw new InputException("%s is too large for a script".formatted(file));
      }
      String text = decode(Files.readAllBytes(file));
      if (text.indexOf('\0') >= 0) {
        throw new InputException("%s is not a text file".formatted(file));
      }
      return new ScriptText(file, text.lines().toList());
    } catch (IOException e) {
      throw new InputException("%s cannot be read (%s)".formatted(file, e.getMessage()), e);
    }
  }

  private static String decode(byte[] bytes) {
    if (bytes.length >= 2 && (bytes[0] & 0xFF) == 0xFF && (bytes[1] & 0xFF) == 0xFE) {
      return new String(bytes, 2, bytes.length - 2, StandardCharsets.UTF_16LE);
    }
    if (bytes.length >= 2 && (bytes[0] & 0xFF) == 0xFE && (bytes[1] & 0xFF) == 0xFF) {
      return new String(bytes, 2, bytes.length - 2, StandardCharsets.UTF_16BE);
    }
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (CharacterCodingException _) {
      return new String(bytes, Charset.forName("windows-1252"));
    }
  }

  /// The lines with `\n` between and behind them.
  String joined() {
    return String.join("\n", lines) + "\n";
  }

  Place at(int line) {
    return new Place(file, line);
  }
}
