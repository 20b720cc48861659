package dev.anima.tag;

import java.util.List;
import java.util.Optional;

/// What a picture shows, as far as the model can tell.
///
/// @param caption the tags in their order
/// @param general,characters,others those that passed, as the model's list has them
/// @param rating the likeliest one, if it was asked for
/// @param quality the likeliest one, if it was asked for
public record PictureTags(
    List<String> caption,
    List<String> general,
    List<String> characters,
    List<String> others,
    Optional<String> rating,
    Optional<String> quality) {
  public PictureTags {
    caption = List.copyOf(caption);
    general = List.copyOf(general);
    characters = List.copyOf(characters);
    others = List.copyOf(others);
  }
}
