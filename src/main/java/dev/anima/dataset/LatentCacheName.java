package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The name of a latent cache file: `STEM_WWWWxHHHH_anima.npz`, with the size of the image in it.
///
/// @param file the cache file
/// @param size of the image it was made from
public record LatentCacheName(Path file, Size size) {
  private static final Pattern NAME = Pattern.compile("(.*)_(\\d{4,9})x(\\d{4,9})_anima\\.npz");

  /// Where the latents of an image of this size are cached.
  public static Path of(Path image, Size size) {
    String suffix = "_%04dx%04d_anima.npz".formatted(size.width(), size.height());
    return Path.of(CaptionFile.stem(image.toString()) + suffix);
  }

  /// The cache files of a folder, by the name of their image without its extension; those of one
  /// image in the order of their names. The stem must be exactly the image's (the reference takes
  /// any file whose name merely starts with it).
  static Map<String, List<LatentCacheName>> in(Path folder) {
    Map<String, List<LatentCacheName>> found = new HashMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      files.sorted().forEach(file -> put(file, found));
    } catch (IOException e) {
      throw new InputException(folder + ": cannot be listed (" + e.getMessage() + ")", e);
    }
    return found;
  }

  private static void put(Path file, Map<String, List<LatentCacheName>> found) {
    Matcher matcher = NAME.matcher(String.valueOf(file.getFileName()));
    if (matcher.matches()) {
      found
          .computeIfAbsent(matcher.group(1), _ -> new ArrayList<>())
          .add(
              new LatentCacheName(
                  file,
                  new Size(
                      Integer.parseInt(matcher.group(2)), Integer.parseInt(matcher.group(3)))));
    }
  }

  /// The path of the image without its extension, if the file is named like a latent cache.
  static Optional<Path> stemOf(Path file) {
    Matcher matcher = NAME.matcher(String.valueOf(file.getFileName()));
    return matcher.matches()
        ? Optional.of(file.resolveSibling(matcher.group(1)))
        : Optional.empty();
  }
}
