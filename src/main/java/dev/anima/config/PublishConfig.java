package dev.anima.config;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// What the user says about the finished file.
///
/// @param modelspec values by the part after `modelspec.` (`author`, `trigger_phrase`, ...), in the
///   flags' order; title only if given; thumbnail as a `data:` URL
/// @param withoutTrainingDetails leave most `ss_` keys out
public record PublishConfig(Map<String, String> modelspec, boolean withoutTrainingDetails) {
  private static final List<String> NAMES =
      List.of(
          "title",
          "author",
          "description",
          "license",
          "tags",
          "usage_hint",
          "thumbnail",
          "merged_from",
          "trigger_phrase",
          "preprocessor",
          "is_negative_embedding");

  public PublishConfig {
    modelspec = Collections.unmodifiableMap(new LinkedHashMap<>(modelspec));
  }

  static PublishConfig of(Flags flags, Path workingDir) {
    Map<String, String> values = new LinkedHashMap<>();
    for (String name : NAMES) {
      flags
          .text("metadata_" + name)
          .ifPresent(text ->
              values.put(name, name.equals("thumbnail") ? picture(text, workingDir) : text));
    }
    return new PublishConfig(values, flags.on("no_metadata"));
  }

  /// A `data:` URL; a file becomes one.
  private static String picture(String text, Path workingDir) {
    if (text.isEmpty() || text.startsWith("data:")) {
      return text;
    }
    Path file = Checks.existing("metadata_thumbnail", workingDir, text);
    String name = text.toLowerCase(Locale.ROOT);
    String type =
        name.endsWith(".jpg") || name.endsWith(".jpeg")
            ? "jpeg"
            : name.endsWith(".webp") ? "webp" : "png";
    try {
      return "data:image/"
          + type
          + ";base64,"
          + Base64.getEncoder().encodeToString(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new InputException("--metadata_thumbnail: %s cannot be read".formatted(file), e);
    }
  }
}
