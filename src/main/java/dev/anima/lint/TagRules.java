package dev.anima.lint;

import dev.anima.captions.CaptionText;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.Implications;
import dev.anima.captions.Kaomoji;
import dev.anima.captions.Ordering;
import dev.anima.captions.Sentences;
import dev.anima.captions.Separators;
import dev.anima.captions.TagCategories;
import dev.anima.captions.TagCategory;
import dev.anima.captions.TagKnowledge;
import dev.anima.captions.TextOperations.Weights;
import dev.anima.config.NearestName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// Rules about single tags.
final class TagRules {
  /// A tag on as many images is a word of the data set.
  private static final int ESTABLISHED = 3;

  private static final int SHORTEST_FOR_TYPOS = 5;
  private static final Pattern PROMPT =
      Pattern.compile("<(lora|lyco|hypernet):[^>]*>|\\bBREAK\\b|(^|\\s)AND(\\s|$)|embedding:\\S+");

  private final LintContext context;
  private final TagKnowledge knowledge;
  private final TagCategories categories;
  private final Implications implications;
  private final Map<String, String> spellings = new HashMap<>();
  private final Map<String, Optional<String>> typos = new HashMap<>();
  private final List<String> established;
  private final Set<String> prefixTags = new HashSet<>();
  private boolean mostlySpaces;

  TagRules(LintContext context) {
    this.context = context;
    this.knowledge = context.knowledge();
    this.categories = context.categories();
    this.implications = new Implications(knowledge);
    this.established =
        context.set().counts().entrySet().stream()
            .filter(entry -> entry.getValue() >= ESTABLISHED)
            .map(Map.Entry::getKey)
            .sorted()
            .toList();
    context.folders().keySet().forEach(f -> prefixTags.addAll(context.prefixes().of(f)));
  }

  void check() {
    countSpellings();
    for (CaptionedImage image : context.set().images()) {
      if (image.tags().isEmpty()) {
        continue;
      }
      caption(image);
      image.tags().stream()
          .distinct()
          .filter(tag -> !Sentences.is(tag))
          .forEach(tag -> tag(image, tag));
    }
  }

  /// Whether words are parted by spaces or underscores, and how each tag is mostly spelled.
  private void countSpellings() {
    int spaces = 0;
    int underscores = 0;
    Map<String, Map<String, Integer>> byForm = new LinkedHashMap<>();
    for (Map.Entry<String, Integer> entry : context.set().counts().entrySet()) {
      String tag = entry.getKey();
      if (Sentences.is(tag) || Kaomoji.is(tag) || TagCategories.isScore(tag)) {
        continue;
      }
      spaces += tag.contains(" ") ? entry.getValue() : 0;
      underscores += tag.contains("_") ? entry.getValue() : 0;
      byForm
          .computeIfAbsent(tag.toLowerCase(Locale.ROOT), _ -> new LinkedHashMap<>())
          .put(tag, entry.getValue());
    }
    mostlySpaces = spaces >= underscores;
    byForm.forEach((form, ways) -> {
      if (ways.size() > 1) {
        ways.entrySet().stream()
            .max(Map.Entry.<String, Integer>comparingByValue().thenComparing(Map.Entry::getKey))
            .ifPresent(usual -> spellings.put(form, usual.getKey()));
      }
    });
  }

  private void caption(CaptionedImage image) {
    Set<String> seen = new HashSet<>();
    for (String tag : image.tags()) {
      if (!seen.add(tag.toLowerCase(Locale.ROOT).replace('_', ' '))) {
        context.at(
            image,
            LintRule.TAG_DUPLICATE,
            Severity.WARN,
            "\"%s\" stands there twice".formatted(tag),
            tag);
      }
    }
    String line = image.text().map(CaptionText::line).orElse("");
    String separator = image.folder().spec().caption().captionSeparator();
    if (Separators.of(separator).pieces(line).contains("")) {
      context.at(image, LintRule.TAG_EMPTY, "there is nothing between two separators");
    }
    implications
        .redundant(image.tags(), context.prefixes().of(image.folder()))
        .forEach((general, specific) ->
            context.at(
                image,
                LintRule.TAG_IMPLIED,
                Severity.INFO,
                "\"%s\" is said by \"%s\" already"
                    .formatted(general, String.join("\", \"", specific)),
                general));
    order(image);
  }

  private void order(CaptionedImage image) {
    if (!context.wants(LintRule.ORDER_CATEGORY)) {
      return;
    }
    List<String> tags = new ArrayList<>(image.tags());
    tags.removeAll(context.prefixes().of(image.folder()));
    int last = 0;
    for (String tag : tags) {
      int group = Ordering.group(tag, categories);
      if (group < last) {
        context.at(
            image,
            LintRule.ORDER_CATEGORY,
            Severity.INFO,
            "\"%s\" stands behind tags of a later group".formatted(tag),
            tag);
        return;
      }
      last = group;
    }
  }

  private void tag(CaptionedImage image, String tag) {
    String spaced = Kaomoji.is(tag) ? tag : tag.replace('_', ' ');
    spelling(image, tag, spaced);
    syntax(image, tag);
    if (knowledge.list("no-content").contains(spaced)) {
      tell(image, LintRule.TAG_NO_CONTENT, tag, "\"%s\" says nothing about the picture");
    }
    if (knowledge.list("unwanted").contains(spaced)) {
      tell(image, LintRule.TAG_UNWANTED_CONTENT, tag, "\"%s\": the LoRA may learn it");
    }
    if (categories.of(tag) == TagCategory.ARTIST) {
      tell(
          image,
          LintRule.TAG_ARTIST,
          tag,
          tag.startsWith("@") ? "\"%s\" is an artist" : "\"%s\" is an artist, without @");
    }
    if (context.options().deprecated().contains(spaced)) {
      tell(image, LintRule.TAG_DEPRECATED, tag, "\"%s\" is deprecated");
    }
    if (!prefixTags.contains(tag)) {
      knownOrNot(image, tag, spaced);
    }
  }

  private void tell(CaptionedImage image, LintRule rule, String tag, String message) {
    context.at(image, rule, rule.severity(), message.formatted(tag), tag);
  }

  private void spelling(CaptionedImage image, String tag, String spaced) {
    boolean exempt = Kaomoji.is(tag) || TagCategories.isScore(tag) || tag.startsWith("@");
    if (!exempt && tag.contains(mostlySpaces ? "_" : " ")) {
      tell(
          image,
          LintRule.TAG_UNDERSCORE,
          tag,
          mostlySpaces
              ? "\"%s\" has an underscore, the other tags have spaces"
              : "\"%s\" has a space, the other tags have underscores");
    }
    String lower = tag.toLowerCase(Locale.ROOT);
    String usual = spellings.get(lower);
    if (usual != null && !usual.equals(tag)) {
      context.at(
          image,
          LintRule.TAG_CASE,
          Severity.WARN,
          "\"%s\" is mostly written \"%s\"".formatted(tag, usual),
          tag);
    } else if (!tag.equals(lower) && isKnown(spaced.toLowerCase(Locale.ROOT))) {
      tell(image, LintRule.TAG_CASE, tag, "\"%s\" has capitals");
    }
  }

  private void syntax(CaptionedImage image, String tag) {
    if (tag.contains("\\(") || tag.contains("\\)")) {
      tell(
          image,
          LintRule.ESCAPED_BRACKET,
          tag,
          "\"%s\" has a backslash, which is trained literally");
    }
    if (Weights.inside(tag).isPresent()) {
      tell(image, LintRule.WEIGHT_SYNTAX, tag, "\"%s\" is a weight, which is trained literally");
    }
    if (PROMPT.matcher(tag).find()) {
      tell(image, LintRule.PROMPT_SYNTAX, tag, "\"%s\" belongs to prompts");
    }
  }

  private boolean isKnown(String spaced) {
    return context.vocabulary().find(spaced).isPresent() || knowledge.isOrdinary(spaced);
  }

  private void knownOrNot(CaptionedImage image, String tag, String spaced) {
    Optional<String> canonical = context.vocabulary().canonical(spaced);
    if (canonical.isPresent()) {
      context.at(
          image,
          LintRule.TAG_ALIAS,
          Severity.INFO,
          "\"%s\" is called \"%s\" in the vocabulary".formatted(tag, canonical.get()),
          tag);
      return;
    }
    if (isKnown(spaced) || context.set().imagesWith(tag) >= ESTABLISHED || Kaomoji.is(tag)) {
      return;
    }
    Optional<String> meant = typos.computeIfAbsent(tag, this::meant);
    if (meant.isPresent()) {
      context.at(
          image,
          LintRule.TAG_MISSPELLED,
          Severity.WARN,
          "\"%s\": did you mean \"%s\"?".formatted(tag, meant.get()),
          tag);
    } else if (!context.vocabulary().isEmpty()) {
      tell(image, LintRule.TAG_UNKNOWN, tag, "\"%s\" is in no vocabulary");
    }
  }

  /// The established or known tag that a rare one is nearly; triggers are another rule's.
  private Optional<String> meant(String tag) {
    if (tag.length() < SHORTEST_FOR_TYPOS) {
      return Optional.empty();
    }
    Optional<String> near = nearest(tag, established);
    return near.isPresent() || context.vocabulary().isEmpty()
        ? near
        : nearest(tag, context.vocabulary().names());
  }

  private Optional<String> nearest(String tag, List<String> names) {
    for (String name : names) {
      boolean candidate =
          Math.abs(name.length() - tag.length()) <= 2
              && name.length() >= SHORTEST_FOR_TYPOS
              && !prefixTags.contains(name)
              && !onlyNumbersDiffer(name, tag)
              && !name.equalsIgnoreCase(tag)
              && !name.replace('_', ' ').equals(tag.replace('_', ' '));
      if (candidate && NearestName.edits(name, tag) <= (tag.length() < 8 ? 1 : 2)) {
        return Optional.of(name);
      }
    }
    return Optional.empty();
  }

  /// `2girls` is no misspelt `3girls`.
  private static boolean onlyNumbersDiffer(String a, String b) {
    return a.replaceAll("\\d", "").equals(b.replaceAll("\\d", ""));
  }
}
