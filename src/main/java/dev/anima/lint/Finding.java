package dev.anima.lint;

import java.util.List;

/// One thing that lint found, with all images that it concerns.
///
/// @param images names below the root of the data set; empty if it concerns a folder or the file
/// @param folder name of the folder, empty if several or none
/// @param tag it is about, empty if none
public record Finding(
    LintRule rule,
    Severity severity,
    String message,
    List<String> images,
    String folder,
    String tag) {
  public Finding {
    images = List.copyOf(images);
  }
}
