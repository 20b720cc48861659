package dev.anima.tag;

import dev.anima.config.Flags;
import dev.anima.dataset.PythonStrings;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/// What the flags of `anima tag` come to.
///
/// @param rules which tags, in which order
/// @param batchSize pictures that go through the model together
/// @param loaders threads that read pictures
/// @param captions how captions are written
public record TagSettings(
    Profile profile, TagRules rules, int batchSize, int loaders, CaptionStyle captions) {

  /// @throws InputException naming every flag whose value cannot be meant, one a line
  public static TagSettings of(Flags flags) {
    List<String> problems = new ArrayList<>();
    int batchSize = atLeastOne(flags, "batch_size", problems).orElse(1);
    // 0 workers mean "in the main process" there: one thread here.
    int loaders = flags.maybeInteger("max_data_loader_n_workers").orElse(processors());
    if (loaders < 0) {
      problems.add("--max_data_loader_n_workers: expected 0 or more, got " + loaders);
    }
    if (flags.maybeInteger("max_tags").orElse(0) < 0) {
      problems.add("--max_tags: expected 0 (no limit) or more");
    }
    atLeastOne(flags, "threads", problems);
    String separator = flags.text("caption_separator", "");
    if (PythonStrings.strip(separator).isEmpty()) {
      problems.add(
          "--caption_separator: \"%s\" is nothing but white space, expected something that separates tags, such as \", \""
              .formatted(separator));
    }
    if (!problems.isEmpty()) {
      throw new InputException(String.join("\n", problems));
    }
    Profile profile = Profile.of(flags.text("profile", ""));
    return new TagSettings(
        profile,
        rules(flags, profile, separator),
        batchSize,
        Math.max(1, loaders),
        new CaptionStyle(
            flags.text("caption_extention").orElse(flags.text("caption_extension", "")),
            separator,
            profile.endsWithNewline(),
            mode(flags),
            flags.text("compat", "").equals("exact")));
  }

  private static CaptionStyle.Mode mode(Flags flags) {
    if (flags.on("only_uncaptioned")) {
      return CaptionStyle.Mode.ONLY_UNCAPTIONED;
    }
    return flags.on("append_tags") ? CaptionStyle.Mode.APPEND : CaptionStyle.Mode.REPLACE;
  }

  private static OptionalInt atLeastOne(Flags flags, String name, List<String> problems) {
    OptionalInt value = flags.maybeInteger(name);
    if (value.isPresent() && value.getAsInt() < 1) {
      problems.add("--%s: expected 1 or more, got %d".formatted(name, value.getAsInt()));
    }
    return value;
  }

  private static int processors() {
    return Runtime.getRuntime().availableProcessors();
  }

  private static TagRules rules(Flags flags, Profile profile, String separator) {
    boolean exact = flags.text("compat", "").equals("exact");
    List<Replacement> replacements =
        flags.text("tag_replacement").map(Replacement::parse).orElse(List.of());
    return new TagRules(
        thresholds(flags, profile),
        profile != Profile.BDTM,
        underscores(flags, profile),
        flags.on("character_tag_expand"),
        exact ? List.of() : replacements,
        undesired(flags, profile, separator),
        flags
            .text("sort")
            .map(order -> TagOrder.valueOf(order.toUpperCase(Locale.ROOT)))
            .orElse(profile.order()),
        flags.maybeInteger("max_tags").orElse(profile.maxTags()),
        flags.on("character_tags_first"),
        TagRules.Place.of(
            flags.on("use_rating_tags"), flags.on("use_rating_tags_as_last_tag"), false),
        TagRules.Place.of(
            flags.on("use_quality_tags"), flags.on("use_quality_tags_as_last_tag"), true),
        alwaysFirst(flags, separator, exact),
        items(flags.text("prefix", ""), separator),
        separator,
        exact);
  }

  private static Thresholds thresholds(Flags flags, Profile profile) {
    Map<TagCategory, Float> given = new EnumMap<>(TagCategory.class);
    for (TagCategory category : TagCategory.values()) {
      String name = category.title().toLowerCase(Locale.ROOT) + "_threshold";
      if (flags.table().find(name).isPresent()) {
        OptionalDouble value = flags.maybeNumber(name);
        value.ifPresent(threshold -> given.put(category, (float) threshold));
      }
    }
    return new Thresholds((float) flags.maybeNumber("thresh").orElse(profile.threshold()), given);
  }

  private static TagNames.Underscores underscores(Flags flags, Profile profile) {
    return switch (profile) {
      case SD_SCRIPTS ->
          flags.on("remove_underscore")
              ? TagNames.Underscores.SPACES_IN_LONG_NAMES
              : TagNames.Underscores.KEEP;
      case TAGGUI -> TagNames.Underscores.SPACES_BUT_FACES;
      case BDTM -> TagNames.Underscores.SPACES;
    };
  }

  private static Set<String> undesired(Flags flags, Profile profile, String separator) {
    String text = flags.text("undesired_tags", "");
    if (profile != Profile.TAGGUI) {
      return new LinkedHashSet<>(items(text, separator));
    }
    Set<String> tags = new LinkedHashSet<>();
    for (String part : Escapes.split(text, ',')) {
      tags.add(PythonStrings.strip(part).replace("\\,", ","));
    }
    return tags;
  }

  private static List<String> alwaysFirst(Flags flags, String separator, boolean exact) {
    String text = flags.text("always_first_tags", "");
    return exact
        ? PythonStrings.split(text, PythonStrings.strip(separator)).stream()
            .filter(tag -> !PythonStrings.strip(tag).isEmpty())
            .toList()
        : items(text, separator);
  }

  /// The stripped, non-empty parts of a list that is separated as captions are.
  private static List<String> items(String text, String separator) {
    return PythonStrings.split(text, PythonStrings.strip(separator)).stream()
        .map(PythonStrings::strip)
        .filter(tag -> !tag.isEmpty())
        .toList();
  }
}
