package dev.anima.lint;

import dev.anima.captions.CaptionFolder;
import dev.anima.captions.CaptionSet;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.Prefixes;
import dev.anima.captions.TagCategories;
import dev.anima.captions.TagKnowledge;
import dev.anima.captions.Vocabulary;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What rules look at, and where they put what they find. The same finding at several images is one
/// finding.
final class LintContext {
  private record Key(LintRule rule, Severity severity, String message, String tag) {}

  private record Place(Set<String> images, Set<String> folders) {}

  private final CaptionSet set;
  private final Prefixes prefixes;
  private final Vocabulary vocabulary;
  private final LintOptions options;
  private final Map<CaptionFolder, List<CaptionedImage>> folders = new LinkedHashMap<>();
  private final Map<Key, Place> found = new LinkedHashMap<>();

  LintContext(CaptionSet set, Prefixes prefixes, Vocabulary vocabulary, LintOptions options) {
    this.set = set;
    this.prefixes = prefixes;
    this.vocabulary = vocabulary;
    this.options = options;
    set.source().folders().forEach(folder -> folders.put(folder, new ArrayList<>()));
    for (CaptionedImage image : set.images()) {
      folders.computeIfAbsent(image.folder(), _ -> new ArrayList<>()).add(image);
    }
  }

  CaptionSet set() {
    return set;
  }

  Prefixes prefixes() {
    return prefixes;
  }

  Vocabulary vocabulary() {
    return vocabulary;
  }

  LintOptions options() {
    return options;
  }

  TagKnowledge knowledge() {
    return TagKnowledge.shipped();
  }

  TagCategories categories() {
    return new TagCategories(knowledge(), vocabulary);
  }

  /// Images of every folder, also of those without any.
  Map<CaptionFolder, List<CaptionedImage>> folders() {
    return folders;
  }

  boolean wants(LintRule rule) {
    return options.rules().contains(rule);
  }

  void at(CaptionedImage image, LintRule rule, String message) {
    at(image, rule, rule.severity(), message, "");
  }

  void at(CaptionedImage image, LintRule rule, Severity severity, String message, String tag) {
    add(rule, severity, message, tag, image.name(), image.folder().name());
  }

  /// About a folder as a whole.
  void in(CaptionFolder folder, LintRule rule, String message) {
    add(rule, rule.severity(), message, "", "", folder.name());
  }

  /// About some images of a folder together.
  void among(
      List<CaptionedImage> images, LintRule rule, Severity severity, String message, String tag) {
    images.forEach(image -> at(image, rule, severity, message, tag));
  }

  /// About the data set as a whole.
  void everywhere(LintRule rule, String message) {
    add(rule, rule.severity(), message, "", "", "");
  }

  private void add(
      LintRule rule, Severity severity, String message, String tag, String image, String folder) {
    if (!wants(rule)) {
      return;
    }
    Place place =
        found.computeIfAbsent(
            new Key(rule, severity, message, tag),
            _ -> new Place(new LinkedHashSet<>(), new LinkedHashSet<>()));
    if (!image.isEmpty()) {
      place.images().add(image);
    }
    if (!folder.isEmpty()) {
      place.folders().add(folder);
    }
  }

  List<Finding> findings() {
    List<Finding> findings = new ArrayList<>();
    found.forEach((key, place) ->
        findings.add(
            new Finding(
                key.rule(),
                key.severity(),
                key.message(),
                List.copyOf(place.images()),
                place.folders().size() == 1 ? place.folders().iterator().next() : "",
                key.tag())));
    return findings;
  }
}
