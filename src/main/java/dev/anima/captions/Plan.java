package dev.anima.captions;

import dev.anima.captions.CaptionedImage.Content;
import dev.anima.captions.CaptionedImage.Stamp;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// What an operation would change: computed, not written.
///
/// @param name of the operation
/// @param description of the operation
/// @param changes one per caption file that would change
/// @param refusals caption files that cannot be edited, with the reason
/// @param looked images that the operation was applied to
public record Plan(
    String name, String description, List<Change> changes, List<Refusal> refusals, int looked) {
  public Plan {
    changes = List.copyOf(changes);
    refusals = List.copyOf(refusals);
  }

  /// A caption file that would change.
  ///
  /// @param file the caption file
  /// @param name of its (first) image
  /// @param before its first line, null if there is no file
  /// @param after its first line, null if the file would be deleted
  /// @param was content of the file, null if there is none
  /// @param will content to be written, null to delete the file
  /// @param stamp of the file when it was read
  public record Change(
      Path file,
      String name,
      @Nullable String before,
      @Nullable String after,
      @Nullable Bytes was,
      @Nullable Bytes will,
      Optional<Stamp> stamp) {}

  /// A caption file that is left alone.
  public record Refusal(Path file, String reason) {}

  /// What becomes of a caption whose last tag is removed. A file of 0 bytes is never written: it
  /// would stop training.
  public enum Emptied {
    /// The file goes to the trash.
    DELETE,
    /// A file with an empty line stays.
    KEEP
  }

  /// Applies an operation to every caption of the images in `scope`, each file once.
  ///
  /// @param prefix the prefix of a folder, empty if none is known
  /// @throws InputException if a regular expression takes too long; nothing is planned then
  public static Plan of(
      CaptionSet set,
      Predicate<CaptionedImage> scope,
      Operation operation,
      Function<CaptionFolder, List<String>> prefix,
      Emptied emptied) {
    Map<Path, CaptionedImage> files = new LinkedHashMap<>();
    int looked = 0;
    for (CaptionedImage image : set.images()) {
      if (scope.test(image)) {
        looked++;
        files.putIfAbsent(image.file(), image);
      }
    }
    List<Change> changes = new ArrayList<>();
    List<Refusal> refusals = new ArrayList<>();
    for (CaptionedImage image : files.values()) {
      switch (image.content()) {
        case Content.Unreadable(String reason, _) ->
            refusals.add(new Refusal(image.file(), reason));
        case Content.Missing() -> {
          if (operation.createsCaptions()) {
            change(set, image, operation, prefix, emptied).ifPresent(changes::add);
          }
        }
        case Content.Stored _ ->
            change(set, image, operation, prefix, emptied)
                .ifPresent(change ->
                    readOnly(image.file())
                        .ifPresentOrElse(
                            reason -> refusals.add(new Refusal(image.file(), reason)),
                            () -> changes.add(change)));
      }
    }
    return new Plan(operation.name(), operation.description(), changes, refusals, looked);
  }

  private static Optional<Change> change(
      CaptionSet set,
      CaptionedImage image,
      Operation operation,
      Function<CaptionFolder, List<String>> prefix,
      Emptied emptied) {
    CaptionText text = image.text().orElse(new CaptionText(false, "", ""));
    Separators separators = Separators.of(image.folder().spec().caption().captionSeparator());
    Caption caption =
        new Caption(
            text.line(),
            image.tags(),
            separators,
            () -> prefix.apply(image.folder()),
            image.folder().keepTokens(),
            set::imagesWith,
            image.name());
    String line;
    try {
      line = operation.apply(caption);
    } catch (BoundedRegex.TooSlowException e) {
      throw new InputException(image.file() + ": " + e.getMessage(), e);
    }
    if (line.equals(text.line()) && !(operation.removesMark() && text.byteOrderMark())) {
      return Optional.empty();
    }
    return Optional.of(change(image, text, line, emptied));
  }

  private static Change change(
      CaptionedImage image, CaptionText text, String line, Emptied emptied) {
    CaptionText changed = text.withLine(line);
    boolean gone = changed.isBlank() && emptied == Emptied.DELETE;
    byte[] bytes = changed.bytes();
    Bytes will = gone ? null : Bytes.of(bytes.length == 0 ? new byte[] {'\n'} : bytes);
    return switch (image.content()) {
      case Content.Stored(CaptionText read, Bytes was, Stamp stamp) ->
          new Change(
              image.file(),
              image.name(),
              read.line(),
              gone ? null : line,
              was,
              will,
              Optional.of(stamp));
      default -> new Change(image.file(), image.name(), null, line, null, will, Optional.empty());
    };
  }

  /// Why a file may not be written to, empty if it may. Asks for the owner's permission too: to the
  /// administrator every file looks writable.
  static Optional<String> readOnly(Path file) {
    try {
      return Files.getPosixFilePermissions(file).contains(PosixFilePermission.OWNER_WRITE)
          ? Optional.empty() // what else is wrong shows when the file is written
          : Optional.of("is read-only");
    } catch (IOException | UnsupportedOperationException _) {
      // Windows has no such permissions
    }
    return Files.isWritable(file) ? Optional.empty() : Optional.of("is read-only");
  }
}
