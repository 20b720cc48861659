package dev.anima.lint;

import dev.anima.captions.CaptionFolder;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.CaptionedImage.Content;
import dev.anima.config.NearestName;
import dev.anima.config.SubsetSpec.CaptionOptions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Rules about triggers: the tags that must stand first, and `keep_tokens` that keeps them there.
final class PrefixRules {
  private static final int WELL_KNOWN = 50;
  private static final int SHORT_TRIGGER = 4;

  private final LintContext context;
  private final Map<CaptionFolder, List<String>> prefixes = new LinkedHashMap<>();
  private final Set<String> triggers = new LinkedHashSet<>();

  PrefixRules(LintContext context) {
    this.context = context;
    context
        .folders()
        .forEach((folder, images) -> {
          if (!folder.spec().isReg() && !images.isEmpty()) {
            prefixes.put(folder, context.prefixes().of(folder));
          }
        });
    prefixes
        .values()
        .forEach(prefix -> prefix.stream().filter(this::isTrigger).forEach(triggers::add));
  }

  /// A tag made for this data set: not one that pictures have anyway.
  private boolean isTrigger(String tag) {
    return !context.knowledge().isOrdinary(tag);
  }

  void check() {
    prefixes.forEach((folder, prefix) -> {
      List<CaptionedImage> images = context.folders().getOrDefault(folder, List.of());
      for (CaptionedImage image : images) {
        if (image.content() instanceof Content.Stored) {
          if (!prefix.isEmpty()) {
            prefix(folder, prefix, image);
          }
          leaks(folder, prefix, image);
        }
      }
      if (prefix.isEmpty()) {
        varies(folder, images);
      } else {
        keepTokens(folder, prefix);
      }
      classTokens(folder, prefix, images);
    });
    collisions();
  }

  private void prefix(CaptionFolder folder, List<String> prefix, CaptionedImage image) {
    List<String> tags = image.tags();
    List<String> missing = prefix.stream().filter(tag -> !tags.contains(tag)).toList();
    for (String tag : missing) {
      context.at(
          image,
          LintRule.TRIGGER_MISSING,
          Severity.ERROR,
          "\"%s\" is missing (prefix of %s: %s)"
              .formatted(tag, folder.name(), String.join(", ", prefix)),
          tag);
      typo(image, tag);
    }
    boolean inFront = tags.size() >= prefix.size() && tags.subList(0, prefix.size()).equals(prefix);
    if (missing.isEmpty() && !inFront) {
      boolean shuffled = folder.spec().caption().shuffleCaption();
      context.at(
          image,
          LintRule.TRIGGER_POSITION,
          shuffled ? Severity.ERROR : Severity.WARN,
          "the caption does not begin with \"%s\"".formatted(String.join(", ", prefix)),
          "");
    }
  }

  private void typo(CaptionedImage image, String trigger) {
    int limit = trigger.length() <= SHORT_TRIGGER ? 1 : 2;
    for (String tag : image.tags()) {
      boolean unknown =
          !triggers.contains(tag)
              && isTrigger(tag)
              && context.vocabulary().find(tag).isEmpty()
              && Math.abs(tag.length() - trigger.length()) <= limit;
      if (unknown && NearestName.edits(tag, trigger) <= limit) {
        context.at(
            image,
            LintRule.TRIGGER_TYPO,
            Severity.WARN,
            "\"%s\" is nearly the trigger \"%s\"".formatted(tag, trigger),
            tag);
      }
    }
  }

  private void leaks(CaptionFolder folder, List<String> prefix, CaptionedImage image) {
    Set<String> foreign = new HashSet<>(triggers);
    foreign.removeAll(prefix);
    for (String tag : image.tags()) {
      if (foreign.contains(tag)) {
        context.at(
            image,
            LintRule.TRIGGER_LEAK,
            Severity.WARN,
            "\"%s\" is the trigger of another folder than %s".formatted(tag, folder.name()),
            tag);
      }
    }
  }

  private void varies(CaptionFolder folder, List<CaptionedImage> images) {
    int keep = folder.keepTokens();
    if (keep < 1 || !moves(folder.spec().caption())) {
      return;
    }
    Map<List<String>, Integer> starts = new LinkedHashMap<>();
    for (CaptionedImage image : images) {
      List<String> tags = image.tags();
      if (!tags.isEmpty()) {
        starts.merge(tags.subList(0, Math.min(keep, tags.size())), 1, Integer::sum);
      }
    }
    if (starts.size() > 1) {
      context.in(
          folder,
          LintRule.PREFIX_VARIES,
          "%s: keep_tokens is %d, but the captions begin in %d different ways, such as \"%s\""
              .formatted(
                  folder.name(),
                  keep,
                  starts.size(),
                  String.join(", ", starts.keySet().iterator().next())));
    }
  }

  /// Whether tags behind the kept ones are moved or dropped at all.
  private static boolean moves(CaptionOptions options) {
    return options.shuffleCaption()
        || options.captionTagDropoutRate() > 0
        || options.tokenWarmupStep() > 0;
  }

  private void keepTokens(CaptionFolder folder, List<String> prefix) {
    CaptionOptions options = folder.spec().caption();
    int keep = options.keepTokens();
    boolean told =
        context.set().source().file().isPresent()
            && moves(options)
            && options.keepTokensSeparator().isEmpty();
    if (!told || keep == prefix.size()) {
      return;
    }
    context.in(
        folder,
        LintRule.KEEP_TOKENS,
        keep < prefix.size()
            ? "%s: keep_tokens is %d but the prefix is %d tags (%s): \"%s\" is shuffled"
                .formatted(
                    folder.name(),
                    keep,
                    prefix.size(),
                    String.join(", ", prefix),
                    String.join(", ", prefix.subList(Math.max(0, keep), prefix.size())))
            : "%s: keep_tokens is %d but the prefix is %d tags (%s): another tag is pinned"
                .formatted(folder.name(), keep, prefix.size(), String.join(", ", prefix)));
  }

  private void classTokens(CaptionFolder folder, List<String> prefix, List<CaptionedImage> images) {
    String classTokens = folder.spec().classTokens();
    boolean missing = images.stream().anyMatch(image -> image.content() instanceof Content.Missing);
    if (classTokens == null || !missing) {
      return;
    }
    List<String> absent =
        prefix.stream().filter(tag -> isTrigger(tag) && !classTokens.contains(tag)).toList();
    if (!absent.isEmpty()) {
      context.in(
          folder,
          LintRule.CLASS_TOKENS,
          "%s: captions are missing, and class_tokens \"%s\" lacks \"%s\""
              .formatted(folder.name(), classTokens, String.join("\", \"", absent)));
    }
  }

  private void collisions() {
    for (String trigger : triggers) {
      boolean common = context.knowledge().list("common-words").contains(trigger);
      long known = context.vocabulary().find(trigger).map(entry -> entry.count()).orElse(0L);
      if (common || known >= WELL_KNOWN) {
        List<String> pieces = new ArrayList<>();
        context
            .options()
            .tokens()
            .ifPresent(tokens -> {
              pieces.add("Qwen3: " + tokens.qwen3Pieces(trigger));
              pieces.add("T5: " + tokens.t5Pieces(trigger));
            });
        context.everywhere(
            LintRule.TRIGGER_COLLISION,
            "the trigger \"%s\" means something to the base model already (%s)%s"
                .formatted(
                    trigger,
                    known >= WELL_KNOWN ? known + " images have it as a tag" : "a common word",
                    pieces.isEmpty() ? "" : "; " + String.join(", ", pieces)));
      }
    }
  }
}
