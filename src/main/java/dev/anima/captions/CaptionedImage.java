package dev.anima.captions;

import dev.anima.dataset.CaptionFile;
import dev.anima.dataset.PythonStrings;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Optional;

/// An image and what its caption file says.
///
/// @param image the image file
/// @param name path below the root of the data set, with `/`, as users see it
/// @param folder it lies in
/// @param file its caption file, or the one that would be made
/// @param content of that file
/// @param tags of the caption's first line; none if there is no readable caption
public record CaptionedImage(
    Path image, String name, CaptionFolder folder, Path file, Content content, List<String> tags) {
  public CaptionedImage {
    tags = List.copyOf(tags);
  }

  static CaptionedImage of(
      Path image, String name, CaptionFolder folder, Path file, Content content) {
    List<String> tags =
        content instanceof Content.Stored(CaptionText text, _, _)
            ? Separators.of(folder.spec().caption().captionSeparator()).tags(text.line())
            : List.of();
    return new CaptionedImage(image, name, folder, file, content, tags);
  }

  /// What is in a caption file.
  public sealed interface Content {
    /// There is no caption file.
    record Missing() implements Content {}

    /// A text.
    ///
    /// @param bytes of the file
    /// @param stamp of the file when it was read
    record Stored(CaptionText text, Bytes bytes, Stamp stamp) implements Content {}

    /// Not text in the expected encoding, or not readable at all.
    ///
    /// @param undecodable whether the bytes were read but are no text in the expected encoding
    record Unreadable(String reason, boolean undecodable) implements Content {}
  }

  /// How a file was when it was read, to notice that another program changed it since.
  public record Stamp(long size, FileTime modified) {}

  /// The text, if there is a readable file.
  public Optional<CaptionText> text() {
    return content instanceof Content.Stored(CaptionText text, _, _)
        ? Optional.of(text)
        : Optional.empty();
  }

  /// The name of the image file.
  public String fileName() {
    return String.valueOf(image.getFileName());
  }

  /// The name without line breaks and other control characters, to be printed.
  public String shownName() {
    return shown(name);
  }

  /// `text` with control characters written as escapes.
  public static String shown(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(c -> {
          switch (c) {
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            default -> {
              if (Character.isISOControl(c) || c == 0x2028 || c == 0x2029) {
                out.append("\\u%04x".formatted(c));
              } else {
                out.appendCodePoint(c);
              }
            }
          }
        });
    return out.toString();
  }

  /// The last part of the extension's name, such as `png`.
  public String extension() {
    String fileName = fileName();
    String stem = CaptionFile.stem(fileName);
    return fileName.substring(Math.min(fileName.length(), stem.length() + 1));
  }

  /// Natural order of names: `2.png` before `10.png`.
  public static int naturally(CaptionedImage a, CaptionedImage b) {
    int order = NaturalOrder.compare(a.name, b.name);
    return order != 0 ? order : PythonStrings.CODE_POINT_ORDER.compare(a.name, b.name);
  }
}
