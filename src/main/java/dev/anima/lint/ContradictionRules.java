package dev.anima.lint;

import dev.anima.captions.CaptionedImage;
import dev.anima.captions.TagCategories;
import dev.anima.captions.TagCategory;
import dev.anima.captions.TagKnowledge;
import dev.anima.captions.TagKnowledge.Conflict;
import dev.anima.captions.TagKnowledge.Exclusive;
import dev.anima.captions.TagPattern;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/// Tags of one caption that cannot both be true.
final class ContradictionRules {
  private final LintContext context;
  private final TagKnowledge knowledge;
  private final TagCategories categories;

  ContradictionRules(LintContext context) {
    this.context = context;
    this.knowledge = context.knowledge();
    this.categories = context.categories();
  }

  void check() {
    for (CaptionedImage image : context.set().images()) {
      List<String> tags =
          image.tags().stream().map(tag -> tag.replace('_', ' ')).distinct().toList();
      if (!tags.isEmpty()) {
        caption(image, tags);
      }
    }
  }

  private void caption(CaptionedImage image, List<String> tags) {
    boolean several = knowledge.hasSeveralPeople(tags);
    for (Exclusive group : knowledge.exclusive()) {
      boolean applies = !(group.single() && several) && isFree(group.unless(), tags);
      List<String> found =
          applies
              ? group.classes().stream()
                  .flatMap(members -> members.stream().filter(tags::contains).limit(1))
                  .toList()
              : List.of();
      if (found.size() > 1) {
        tell(image, Severity.WARN, group.name(), found);
      }
    }
    for (Conflict conflict : knowledge.conflicts()) {
      boolean applies =
          tags.contains(conflict.tag())
              && !(conflict.single() && several)
              && isFree(conflict.unless(), tags);
      List<String> others =
          applies
              ? tags.stream()
                  .filter(
                      tag -> !tag.equals(conflict.tag()) && TagPattern.any(conflict.others(), tag))
                  .toList()
              : List.of();
      if (!others.isEmpty()) {
        tell(
            image,
            conflict.mild() ? Severity.INFO : Severity.WARN,
            conflict.name(),
            List.of(conflict.tag(), others.getFirst()));
      }
    }
    people(image, tags, several);
    negations(image, tags);
    for (TagCategory one :
        List.of(TagCategory.RATING, TagCategory.QUALITY, TagCategory.SCORE, TagCategory.YEAR)) {
      List<String> found =
          image.tags().stream().filter(tag -> categories.of(tag) == one).distinct().toList();
      if (found.size() > 1) {
        tell(image, Severity.WARN, one.label(), found);
      }
    }
  }

  private static boolean isFree(Set<String> unless, Collection<String> tags) {
    return tags.stream().noneMatch(unless::contains);
  }

  /// `solo` with more than one person; `no humans` with any.
  private void people(CaptionedImage image, List<String> tags, boolean several) {
    if (tags.contains("solo") && several) {
      List<String> found = new ArrayList<>(List.of("solo"));
      tags.stream()
          .filter(tag -> !tag.startsWith("solo") && knowledge.list("people").contains(tag))
          .forEach(found::add);
      tell(image, Severity.WARN, "count", found);
    }
    if (tags.contains("no humans")) {
      tags.stream()
          .filter(tag -> tag.matches("(\\d\\+?|multiple )(girl|boy|other)s?"))
          .findFirst()
          .ifPresent(tag -> tell(image, Severity.WARN, "count", List.of("no humans", tag)));
    }
  }

  private void negations(CaptionedImage image, List<String> tags) {
    for (String tag : tags) {
      if (tag.startsWith("no ") && tags.contains(tag.substring(3))) {
        tell(image, Severity.WARN, "negation", List.of(tag, tag.substring(3)));
      }
    }
  }

  private void tell(CaptionedImage image, Severity severity, String name, List<String> tags) {
    context.at(
        image,
        LintRule.TAG_CONTRADICTION,
        severity,
        "%s: \"%s\" do not go together".formatted(name, String.join("\", \"", tags)),
        tags.getFirst());
  }
}
