package dev.anima.dataset;

import dev.anima.config.SubsetSpec;
import java.util.List;

/// A subset with its images, in the order they are registered.
///
/// @param name key of its tag counts: last part of the image folder, or the metadata file's name
/// @param repeats how often each image is used per epoch
public record Subset(SubsetSpec spec, String name, int repeats, List<FoundImage> images) {
  public Subset {
    images = List.copyOf(images);
  }

  @Override
  public String toString() {
    return "Subset[" + name + ", " + images.size() + " images x " + repeats + "]";
  }
}
