package dev.anima.captions;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// A data set in a temporary folder, with the history beside it.
public final class CaptionFiles {
  private final Path folder;
  private final Path appData;

  public CaptionFiles(Path temp) {
    this.folder = temp.resolve("data set");
    this.appData = temp.resolve("app");
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Path folder() {
    return folder;
  }

  /// An image of that name (its content does not matter) and its caption.
  public CaptionFiles with(String image, String caption) {
    return with(image, caption.getBytes(StandardCharsets.UTF_8));
  }

  CaptionFiles with(String image, byte[] caption) {
    withoutCaption(image);
    write(captionOf(image), caption);
    return this;
  }

  CaptionFiles withoutCaption(String image) {
    Path file = folder.resolve(image);
    try {
      Files.createDirectories(file.getParent());
      Files.write(file, new byte[] {1});
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  Path captionOf(String image) {
    String text = folder.resolve(image).toString();
    return Path.of(text.substring(0, text.lastIndexOf('.')) + ".txt");
  }

  void write(Path file, byte[] bytes) {
    try {
      Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The bytes of a caption as text, one character a byte.
  String bytes(String image) {
    try {
      return Files.readString(captionOf(image), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String caption(String image) {
    try {
      return Files.readString(captionOf(image));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  CaptionSource source() {
    return CaptionSource.of(folder, null, folder);
  }

  CaptionState state() {
    return CaptionState.of(appData, source().root());
  }

  public CaptionSet read() {
    return CaptionSet.read(source(), CaptionSet.Options.DEFAULT);
  }

  Editor editor() {
    return Editor.open(source().root(), state());
  }

  Plan plan(Operation operation) {
    return Plan.of(read(), _ -> true, operation, _ -> List.of(), Plan.Emptied.DELETE);
  }

  /// Plans and writes.
  Editor.Outcome apply(Operation operation) {
    try (Editor editor = editor()) {
      return editor.apply(plan(operation));
    }
  }

  /// The line that an operation makes of another one.
  static String edit(String line, Operation operation) {
    return edit(line, operation, List.of(), 0, Map.of());
  }

  static String edit(
      String line,
      Operation operation,
      List<String> prefix,
      int keepTokens,
      Map<String, Integer> images) {
    List<String> tags = Separators.COMMA.tags(line);
    String result =
        operation.apply(
            new Caption(
                line,
                tags,
                Separators.COMMA,
                () -> prefix,
                keepTokens,
                tag -> images.getOrDefault(tag, 0),
                "a.png"));
    assertThat(result).doesNotContain("\n");
    return result;
  }
}
