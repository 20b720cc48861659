package dev.anima.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What the user says about the finished file.
///
/// @param modelspec values by the part after `modelspec.` (`author`, `trigger_phrase`, ...), in the
///   flags' order; title only if given
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

  static PublishConfig of(Flags flags) {
    Map<String, String> values = new LinkedHashMap<>();
    for (String name : NAMES) {
      flags.text("metadata_" + name).ifPresent(text -> values.put(name, text));
    }
    return new PublishConfig(values, flags.on("no_metadata"));
  }
}
