package dev.anima.lint;

import dev.anima.captions.CaptionFolder;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.Sentences;
import dev.anima.captions.TagKnowledge;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/// Rules about how tags are spread over a data set and its folders.
final class DistributionRules {
  private static final double UNIVERSAL = 0.9;
  private static final double ALMOST = 0.8;
  private static final double TYPICAL = 0.6;
  private static final double UNTYPICAL = 0.2;
  private static final int FEWEST = 5;
  private static final int SMALL_SUBSET = 10;
  private static final long WELL_KNOWN = 1000;

  private final LintContext context;
  private final TagKnowledge knowledge;
  private final Map<CaptionFolder, Map<String, List<CaptionedImage>>> users = new LinkedHashMap<>();

  DistributionRules(LintContext context) {
    this.context = context;
    this.knowledge = context.knowledge();
    context
        .folders()
        .forEach((folder, images) -> {
          Map<String, List<CaptionedImage>> byTag = new LinkedHashMap<>();
          for (CaptionedImage image : images) {
            for (String tag : new HashSet<>(image.tags())) {
              if (!Sentences.is(tag)) {
                byTag.computeIfAbsent(tag, _ -> new ArrayList<>()).add(image);
              }
            }
          }
          if (!folder.spec().isReg() && !images.isEmpty()) {
            users.put(folder, byTag);
          }
        });
  }

  void check() {
    users.forEach((folder, byTag) -> {
      List<CaptionedImage> images = context.folders().getOrDefault(folder, List.of());
      shares(folder, byTag, images);
      sameHead(folder, byTag, images.size());
      foreignClothes(folder, byTag, images.size());
      styles(folder, byTag, images);
      flips(folder, images);
      if (images.size() < SMALL_SUBSET) {
        context.in(
            folder,
            LintRule.SUBSET_SMALL,
            "%s has %d images".formatted(folder.name(), images.size()));
      }
    });
    rare();
    balance();
  }

  private boolean isPrefix(CaptionFolder folder, String tag) {
    return context.prefixes().of(folder).contains(tag);
  }

  private void shares(
      CaptionFolder folder, Map<String, List<CaptionedImage>> byTag, List<CaptionedImage> images) {
    if (images.size() < FEWEST) {
      return;
    }
    byTag.forEach((tag, with) -> {
      double share = (double) with.size() / images.size();
      if (isPrefix(folder, tag)) {
        return;
      }
      if (share >= UNIVERSAL) {
        context.in(
            folder,
            LintRule.TAG_UNIVERSAL,
            "%s: \"%s\" is on %d of %d images"
                .formatted(folder.name(), tag, with.size(), images.size()));
      }
      if (share >= ALMOST && with.size() < images.size()) {
        List<CaptionedImage> without = new ArrayList<>(images);
        without.removeAll(with);
        context.among(
            without,
            LintRule.TAG_ALMOST,
            Severity.INFO,
            "%s: \"%s\" is on %d of %d images, but not here"
                .formatted(folder.name(), tag, with.size(), images.size()),
            tag);
      }
      if (share >= ALMOST && knowledge.list("background").contains(tag)) {
        context.in(
            folder,
            LintRule.BACKGROUND_MONOTONE,
            "%s: \"%s\" on %d of %d images"
                .formatted(folder.name(), tag, with.size(), images.size()));
      }
      if (share >= ALMOST && knowledge.list("views").contains(tag)) {
        context.in(
            folder,
            LintRule.VIEW_MONOTONE,
            "%s: \"%s\" on %d of %d images"
                .formatted(folder.name(), tag, with.size(), images.size()));
      }
    });
  }

  /// `pink bikini` on most images, `red bikini` on another one.
  private void sameHead(CaptionFolder folder, Map<String, List<CaptionedImage>> byTag, int images) {
    byTag.forEach((usual, usualUsers) -> {
      String head = head(usual);
      if (head.isEmpty() || usualUsers.size() < TYPICAL * images || isPrefix(folder, usual)) {
        return;
      }
      byTag.forEach((other, otherUsers) -> {
        boolean sameHead = !other.equals(usual) && head(other).equals(head);
        boolean nested = usual.endsWith(" " + other) || other.endsWith(" " + usual);
        boolean together = otherUsers.stream().anyMatch(usualUsers::contains);
        boolean colours = isColour(kind(usual, head)) && isColour(kind(other, head));
        if (sameHead && !nested && (colours || !together)) {
          context.among(
              otherUsers,
              LintRule.OUTFIT_INCONSISTENT,
              Severity.WARN,
              "%s: \"%s\" here, \"%s\" on %d of %d images"
                  .formatted(folder.name(), other, usual, usualUsers.size(), images),
              other);
        }
      });
    });
  }

  /// The piece of clothing that a tag of several words names, empty if it names none.
  private String head(String tag) {
    String spaced = tag.replace('_', ' ');
    String best = "";
    int at = spaced.indexOf(' ');
    while (at >= 0) {
      String end = spaced.substring(at + 1);
      if (best.isEmpty() && knowledge.list("heads").contains(end)) {
        best = end;
      }
      at = spaced.indexOf(' ', at + 1);
    }
    return best;
  }

  private static String kind(String tag, String head) {
    return tag.substring(0, Math.max(0, tag.length() - head.length() - 1));
  }

  private boolean isColour(String kind) {
    String last = kind.substring(kind.lastIndexOf(' ') + 1);
    return knowledge.list("colours").contains(last) || knowledge.list("patterns").contains(last);
  }

  /// A piece of clothing that belongs to another folder.
  private void foreignClothes(
      CaptionFolder folder, Map<String, List<CaptionedImage>> byTag, int images) {
    byTag.forEach((tag, with) -> {
      boolean clothing = !head(tag).isEmpty() || knowledge.list("heads").contains(tag);
      if (!clothing || with.size() > UNTYPICAL * images || isPrefix(folder, tag)) {
        return;
      }
      users.forEach((other, theirs) -> {
        int size = context.folders().getOrDefault(other, List.of()).size();
        int there = theirs.getOrDefault(tag, List.of()).size();
        if (!other.equals(folder) && there >= TYPICAL * size && there > 1) {
          context.among(
              with,
              LintRule.OUTFIT_INCONSISTENT,
              Severity.WARN,
              "%s: \"%s\" is typical of %s (%d of %d images there)"
                  .formatted(folder.name(), tag, other.name(), there, size),
              tag);
        }
      });
    });
  }

  private void styles(
      CaptionFolder folder, Map<String, List<CaptionedImage>> byTag, List<CaptionedImage> images) {
    for (String style : knowledge.list("style")) {
      List<CaptionedImage> with = byTag.getOrDefault(style, List.of());
      if (!with.isEmpty() && with.size() < images.size()) {
        List<CaptionedImage> without = new ArrayList<>(images);
        without.removeAll(with);
        context.among(
            without,
            LintRule.STYLE_TAG,
            Severity.INFO,
            "%s: \"%s\" is on %d of %d images, but not here"
                .formatted(folder.name(), style, with.size(), images.size()),
            style);
      }
    }
  }

  private void flips(CaptionFolder folder, List<CaptionedImage> images) {
    if (!folder.spec().augment().flipAug()) {
      return;
    }
    Predicate<String> sided =
        tag ->
            knowledge.list("asymmetric").contains(tag)
                || tag.startsWith("asymmetrical ")
                || tag.startsWith("single ")
                || tag.startsWith("left ")
                || tag.startsWith("right ")
                || tag.startsWith("left-")
                || tag.startsWith("right-");
    for (CaptionedImage image : images) {
      image.tags().stream()
          .filter(sided)
          .forEach(tag ->
              context.at(
                  image,
                  LintRule.FLIP_ASYMMETRIC,
                  Severity.WARN,
                  "flip_aug mirrors \"%s\"".formatted(tag),
                  tag));
    }
  }

  private void rare() {
    if (context.set().images().size() < FEWEST) {
      return;
    }
    Set<String> prefixTags = new HashSet<>();
    users.keySet().forEach(folder -> prefixTags.addAll(context.prefixes().of(folder)));
    Map<String, CaptionedImage> single = new HashMap<>();
    users.values().forEach(byTag -> byTag.forEach((tag, with) -> single.put(tag, with.getFirst())));
    single.forEach((tag, image) -> {
      long known = context.vocabulary().find(tag).map(entry -> entry.count()).orElse(0L);
      boolean rare =
          context.set().imagesWith(tag) == 1
              && known < WELL_KNOWN
              && !knowledge.isOrdinary(tag)
              && !prefixTags.contains(tag);
      if (rare) {
        context.at(
            image,
            LintRule.TAG_RARE,
            Severity.INFO,
            "\"%s\" is on this image only".formatted(tag),
            tag);
      }
    });
  }

  private void balance() {
    List<Balance.Folder> folders = folders(context);
    double spread = Balance.presentSpread(folders);
    if (folders.size() < 2 || spread <= Balance.MOST_SPREAD) {
      return;
    }
    List<String> now = new ArrayList<>();
    folders.forEach(f -> now.add("%s %d x %d".formatted(f.name(), f.images(), f.repeats())));
    List<String> better = new ArrayList<>();
    Balance plain = Balance.of(folders, 1);
    Balance proposed = plain.spread() < spread ? plain : Balance.finer(folders).orElse(plain);
    proposed.rows().forEach(row -> better.add(Integer.toString(row.repeats())));
    context.everywhere(
        LintRule.SUBSET_UNBALANCED,
        "images times repeats differ %.2f times (%s); balanced: num_repeats %s"
            .formatted(spread, String.join(", ", now), String.join(", ", better)));
  }

  /// Folders with images, regularisation left out.
  static List<Balance.Folder> folders(LintContext context) {
    List<Balance.Folder> folders = new ArrayList<>();
    context
        .folders()
        .forEach((folder, images) -> {
          if (!images.isEmpty() && !folder.spec().isReg()) {
            folders.add(
                new Balance.Folder(
                    folder.name(), images.size(), Math.max(1, folder.spec().numRepeats()), 1));
          }
        });
    return folders;
  }
}
