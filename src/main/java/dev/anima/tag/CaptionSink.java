package dev.anima.tag;

import java.nio.file.Path;
import java.util.List;

/// Carries changes of captions out, each file whole or not at all, and remembers what was there
/// before. The tagger knows no more of captions than this, so that a history of edits can stand
/// behind it.
public interface CaptionSink extends AutoCloseable {
  /// A caption that could not be written.
  ///
  /// @param message with the file's name
  record Refused(Path file, String message) {}

  /// Writes captions.
  ///
  /// @return those that could not be written; the others are on the disk
  List<Refused> write(List<CaptionChange> changes);

  @Override
  void close();
}
