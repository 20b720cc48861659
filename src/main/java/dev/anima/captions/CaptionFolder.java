package dev.anima.captions;

import dev.anima.config.DatasetSpec;
import dev.anima.config.SubsetSpec;
import java.nio.file.Path;
import java.util.List;

/// A folder of images, with what training makes of it.
///
/// @param path the folder
/// @param name last part of the path, as users name it
/// @param spec how training reads it; defaults where no dataset file says
/// @param dataset the entry it belongs to
/// @param extensions of its caption files, with their dot; the first that exists counts
public record CaptionFolder(
    Path path, String name, SubsetSpec spec, DatasetSpec dataset, List<String> extensions) {
  public CaptionFolder {
    extensions = List.copyOf(extensions);
  }

  public int keepTokens() {
    return spec.caption().keepTokens();
  }

  @Override
  public String toString() {
    return name;
  }
}
