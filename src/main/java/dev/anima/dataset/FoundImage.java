package dev.anima.dataset;

import dev.anima.config.Size;
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
/// @param size of the image file in pixels, EXIF orientation not applied
/// @param mask image whose red channel weighs the loss (masked style), null for none
public record FoundImage(
    String key,
    Path file,
    String caption,
    String tagText,
    CaptionSource source,
    Size size,
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
