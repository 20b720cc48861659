package dev.anima.lint;

import dev.anima.lint.ImageLook.Seen;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;

/// Finds the same image twice: by its pixels, nearly, and mirrored.
final class SimilarImages {
  private final LintContext context;
  private final List<ImageLook> looks;
  private final int distance;

  SimilarImages(LintContext context, List<ImageLook> looks) {
    this.context = context;
    this.looks = looks.stream().filter(look -> look.seen().isPresent()).toList();
    this.distance = context.options().distance();
  }

  void check() {
    Set<Set<String>> same = duplicates();
    groups((a, b) -> seen(a).hash().isNear(seen(b).hash(), distance))
        .forEach(group -> {
          if (!same.contains(names(group))) {
            tell(group, LintRule.IMAGE_SIMILAR, "nearly the same image");
          }
        });
    mirrored();
  }

  private static Seen seen(ImageLook look) {
    return look.seen().orElseThrow();
  }

  private static Set<String> names(List<ImageLook> group) {
    Set<String> names = new HashSet<>();
    group.forEach(look -> names.add(look.image().name()));
    return names;
  }

  /// By decoded pixels, which files of the same bytes share.
  private Set<Set<String>> duplicates() {
    Map<String, List<ImageLook>> byPixels = new LinkedHashMap<>();
    for (ImageLook look : looks) {
      byPixels.computeIfAbsent(seen(look).pixels(), _ -> new ArrayList<>()).add(look);
    }
    Set<Set<String>> told = new HashSet<>();
    for (List<ImageLook> group : byPixels.values()) {
      if (group.stream().map(look -> look.image().image()).distinct().count() > 1) {
        Set<List<String>> prefixes = new HashSet<>();
        group.forEach(look -> prefixes.add(context.prefixes().of(look.image().folder())));
        Severity severity = prefixes.size() > 1 ? Severity.ERROR : Severity.WARN;
        context.among(
            group.stream().map(ImageLook::image).toList(),
            LintRule.IMAGE_DUPLICATE,
            severity,
            severity == Severity.ERROR
                ? "the same image in folders of different triggers: " + listed(group)
                : "the same image: " + listed(group),
            "");
        told.add(names(group));
      }
    }
    return told;
  }

  private void mirrored() {
    for (int i = 0; i < looks.size(); i++) {
      for (int j = i + 1; j < looks.size(); j++) {
        PerceptualHash other = seen(looks.get(j)).hash();
        boolean mirrored = seen(looks.get(i)).mirrored().isNear(other, distance);
        if (mirrored && !seen(looks.get(i)).hash().isNear(other, distance)) {
          List<ImageLook> pair = List.of(looks.get(i), looks.get(j));
          tell(pair, LintRule.IMAGE_MIRRORED, "one is nearly the mirror image of the other");
        }
      }
    }
  }

  private void tell(List<ImageLook> group, LintRule rule, String message) {
    context.among(
        group.stream().map(ImageLook::image).toList(),
        rule,
        rule.severity(),
        message + ": " + listed(group),
        "");
  }

  private static String listed(List<ImageLook> group) {
    String names =
        String.join(", ", group.stream().limit(5).map(look -> look.image().shownName()).toList());
    return group.size() <= 5 ? names : names + " and " + (group.size() - 5) + " more";
  }

  /// Images that are alike, directly or through others; largest groups first.
  private List<List<ImageLook>> groups(BiPredicate<ImageLook, ImageLook> alike) {
    int[] parent = new int[looks.size()];
    for (int i = 0; i < parent.length; i++) {
      parent[i] = i;
    }
    for (int i = 0; i < parent.length; i++) {
      for (int j = i + 1; j < parent.length; j++) {
        if (alike.test(looks.get(i), looks.get(j))) {
          parent[root(parent, j)] = root(parent, i);
        }
      }
    }
    Map<Integer, List<ImageLook>> byRoot = new HashMap<>();
    for (int i = 0; i < parent.length; i++) {
      byRoot.computeIfAbsent(root(parent, i), _ -> new ArrayList<>()).add(looks.get(i));
    }
    return byRoot.values().stream()
        .filter(group -> group.size() > 1)
        .sorted((a, b) -> Integer.compare(b.size(), a.size()))
        .toList();
  }

  private static int root(int[] parent, int i) {
    int at = i;
    while (parent[at] != at) {
      parent[at] = parent[parent[at]];
      at = parent[at];
    }
    return at;
  }
}
