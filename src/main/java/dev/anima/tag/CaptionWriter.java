package dev.anima.tag;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// From a picture's tags to its caption file.
public final class CaptionWriter {
  private final CaptionStyle style;
  private final Optional<CaptionSink> sink;

  /// What became of a caption.
  ///
  /// @param gained,lost tags, in their order
  /// @param problem why it was not written, with the file's name; empty if it was
  public record Result(
      Path file, Kind kind, List<String> gained, List<String> lost, Optional<String> problem) {

    /// How it differs from what was there.
    public enum Kind {
      NEW,
      CHANGED,
      /// Nothing is written then.
      SAME,
      REFUSED
    }
  }

  /// @param sink empty to find out only what would be written
  public CaptionWriter(CaptionStyle style, Optional<CaptionSink> sink) {
    this.style = style;
    this.sink = sink;
  }

  /// A picture and its new tags.
  public record Tagged(Path image, List<String> tags) {}

  /// Writes the captions that change.
  ///
  /// @return one result for each picture, in order
  public List<Result> write(List<Tagged> pictures) {
    Set<Path> files = new HashSet<>();
    for (int i = 0; i < pictures.size(); i++) {
      if (!files.add(style.fileOf(pictures.get(i).image()))) { // a.png and a.jpg: one by one
        List<Result> results = new ArrayList<>(write(pictures.subList(0, i)));
        results.addAll(write(pictures.subList(i, pictures.size())));
        return results;
      }
    }
    return writeDifferent(pictures);
  }

  private List<Result> writeDifferent(List<Tagged> pictures) {
    List<Result> results = new ArrayList<>();
    List<CaptionChange> changes = new ArrayList<>();
    for (Tagged picture : pictures) {
      Path file = style.fileOf(picture.image());
      try {
        Optional<String> before = read(file);
        String after = style.content(before, picture.tags());
        Result result = result(file, before, after);
        results.add(result);
        if (result.kind() != Result.Kind.SAME) {
          changes.add(new CaptionChange(file, before, after));
        }
      } catch (InputException e) {
        results.add(refused(file, String.valueOf(e.getMessage())));
      }
    }
    List<CaptionSink.Refused> refusals =
        sink.isEmpty() || changes.isEmpty() ? List.of() : sink.get().write(changes);
    for (CaptionSink.Refused refusal : refusals) {
      results.replaceAll(result ->
          result.file().equals(refusal.file())
              ? refused(result.file(), refusal.message())
              : result);
    }
    return results;
  }

  private static Result refused(Path file, String problem) {
    return new Result(file, Result.Kind.REFUSED, List.of(), List.of(), Optional.of(problem));
  }

  private Result result(Path file, Optional<String> before, String after) {
    if (before.isPresent() && before.get().equals(after)) {
      return new Result(file, Result.Kind.SAME, List.of(), List.of(), Optional.empty());
    }
    List<String> old = before.map(style::tagsOf).orElse(List.of());
    List<String> now = style.tagsOf(after);
    return new Result(
        file,
        before.isPresent() ? Result.Kind.CHANGED : Result.Kind.NEW,
        now.stream().filter(tag -> !old.contains(tag)).toList(),
        old.stream().filter(tag -> !now.contains(tag)).toList(),
        Optional.empty());
  }

  /// The caption as a JSON file has it: with the tags that a caption file beside the picture
  /// already has, if they are to stay.
  ///
  /// @throws InputException if there is a caption file that is no UTF-8
  public String text(Tagged picture) {
    return style.text(read(style.fileOf(picture.image())), picture.tags());
  }

  /// Whether a picture has a caption with anything in it.
  public boolean hasCaption(Path image) {
    Path file = style.fileOf(image);
    try {
      return Files.isRegularFile(file)
          && !new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).isBlank();
    } catch (IOException _) {
      return true; // whatever it is, it is somebody's
    }
  }

  private static Optional<String> read(Path file) {
    if (!Files.exists(file) || Files.isDirectory(file)) {
      return Optional.empty();
    }
    try {
      byte[] bytes = Files.readAllBytes(file);
      return Optional.of(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (CharacterCodingException e) {
      throw new InputException(
          file + ": is not UTF-8, so it was left alone; save it as UTF-8 or delete it", e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }
}
