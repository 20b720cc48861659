package dev.anima.dataset;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// One image of a subset, before buckets are known.
///
/// @param key names the image within its dataset: the path as the subset spells it, or the key in
///   the metadata file
/// @param file the image, or a latent cache where the image itself is gone
/// @param caption as stored: before prefix, wildcards and all other processing
/// @param tagText text whose tags are counted for the metadata
/// @param source where the caption comes from
/// @param header size and properties of the image file
/// @param mask image whose red channel weighs the loss (masked style), null for none
public record FoundImage(
    String key,
    Path file,
    String caption,
    String tagText,
    CaptionSource source,
    ImageHeader header,
    @Nullable Path mask) {
  /// Where a caption comes from.
  public enum CaptionSource {
    /// The text file beside the image.
    FILE,
    /// Entry of the metadata file.
    METADATA,
    /// No caption file: the subset's class tokens.
    CLASS_TOKENS,
    /// No caption file and no class tokens: the caption is empty.
    NONE
  }
}
