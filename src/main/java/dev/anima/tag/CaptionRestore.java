package dev.anima.tag;

import dev.anima.io.AtomicFiles;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Puts captions back as a [CaptionBackup] has them.
///
/// @param restored captions that are as they were
/// @param left why others were left alone, with the file's name
public record CaptionRestore(int restored, List<String> left) {

  /// Puts back what `backup` holds, the last change first. A caption that was changed since, or
  /// that is read-only, is left alone.
  ///
  /// @throws InputException if it is no backup
  public static CaptionRestore from(Path backup) {
    List<CaptionChange> changes = read(backup);
    List<String> left = new ArrayList<>();
    int restored = 0;
    for (CaptionChange change : changes.reversed()) {
      Optional<String> obstacle = putBack(change);
      obstacle.ifPresent(left::add);
      restored += obstacle.isEmpty() ? 1 : 0;
    }
    return new CaptionRestore(restored, List.copyOf(left));
  }

  private static List<CaptionChange> read(Path backup) {
    List<String> lines;
    try {
      lines = Files.readAllLines(backup);
    } catch (IOException e) {
      throw new InputException(
          "--restore: %s cannot be read (%s)".formatted(backup, e.getMessage()), e);
    }
    List<CaptionChange> changes = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      try {
        JsonNode line = JsonMapper.shared().readTree(lines.get(i));
        JsonNode before = line.get("before");
        changes.add(
            new CaptionChange(
                Path.of(line.get("file").stringValue()),
                before.isNull() ? Optional.empty() : Optional.of(before.stringValue()),
                line.get("after").stringValue()));
      } catch (JacksonException | NullPointerException | InvalidPathException e) {
        if (i < lines.size() - 1 || i == 0) { // the last one may be torn: it was not carried out
          throw new InputException(
              "--restore: %s:%d is no line of a backup of captions".formatted(backup, i + 1), e);
        }
      }
    }
    return changes;
  }

  /// Why it was not done, if it was not.
  private static Optional<String> putBack(CaptionChange change) {
    Path file = change.file();
    try {
      if (!Files.isRegularFile(file) || !Files.readString(file).equals(change.after())) {
        return Optional.of(file + ": was changed since, so it was left alone");
      }
      Optional<String> obstacle = WriteProtection.of(file);
      if (obstacle.isPresent()) {
        return obstacle;
      }
      if (change.before().isEmpty()) {
        Files.delete(file);
      } else {
        AtomicFiles.writeString(file, change.before().get());
      }
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of("%s: cannot be put back (%s)".formatted(file, e.getMessage()));
    } catch (InputException | RunFailedException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }
}
